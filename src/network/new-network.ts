import {
  formatAddress,
  formatNetwork,
  networkContains,
  networkSize,
  networksOverlap,
  parseAddress,
  parseNetwork,
  type IpNetwork,
} from '../base/ip.js';
import { WarrenError } from '../base/errors.js';
import type { Network, NetworkConfig, NetworkId, NetworkSubnet } from '../model/network/network.js';
import { defaultNetworkName } from '../model/network/network.js';

export interface NewNetworkContext {
  readonly id: NetworkId;
  readonly createdAtMs: number;
  readonly existing: readonly Network[];
  /** Where subnets that nobody chose come from. */
  readonly pool: IpNetwork;
  /** Other uses of addresses: the host's routes. */
  readonly avoid: readonly IpNetwork[];
  /** Any number: engines of different data roots begin at different places of the pool. */
  readonly start: number;
}

/** Prefix lengths of subnets that nobody chose. */
const defaultPrefix = 16;
const ownPrefix = 20;
const prefix6 = 64;

/** Unique local addresses of Warren's networks: `fd57:7761:<start>:<number>::/64`. */
const base6 = 0xfd57_7761n << 96n;

/** Letters that interface names, files and the command line take without quotes. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/**
 * The record of a new network. Pure.
 * @throws WarrenError invalidArgument, conflict (NETWORK_EXISTS, SUBNET_IN_USE), exhausted (NETWORK_POOL_EXHAUSTED)
 */
export function newNetwork(config: NetworkConfig, context: NewNetworkContext): Network {
  requireName(config.name, context);
  const driver = config.driver ?? 'routed';
  const options = config.options ?? {};
  if (driver === 'macvlan') requireMacvlan(config, options);
  const number = freeNumber(context.existing);
  return {
    id: context.id,
    name: config.name,
    number,
    driver,
    createdAtMs: context.createdAtMs,
    subnets: subnetsOf(config, context, number),
    internal: config.internal ?? false,
    labels: config.labels ?? {},
    options,
  };
}

function invalid(message: string, hint = ''): WarrenError {
  return new WarrenError('invalidArgument', 'INVALID_NETWORK', `Invalid network: ${message}`, {
    ...(hint === '' ? {} : { hint }),
  });
}

function requireName(name: string, { existing }: NewNetworkContext): void {
  if (!namePattern.test(name) || name === 'none' || name === 'host') {
    throw invalid(
      `"${name}" cannot be its name`,
      'Use letters, digits, "_", "." and "-"; none and host have meanings of their own',
    );
  }
  if (!existing.some((other) => other.name === name)) return;
  throw new WarrenError('conflict', 'NETWORK_EXISTS', `network with name ${name} already exists`);
}

function requireMacvlan(config: NetworkConfig, options: Readonly<Record<string, string>>): void {
  if ((options['parent'] ?? '') === '') {
    throw invalid('a macvlan needs a link of the host', 'Add --opt parent=eth0');
  }
  if ((config.subnets ?? []).length === 0) {
    throw invalid('a macvlan needs the subnet of its parent', 'Add --subnet and --gateway');
  }
}

function freeNumber(existing: readonly Network[]): number {
  const taken = new Set(existing.map(({ number }) => number));
  let number = 1;
  while (taken.has(number)) number += 1;
  return number;
}

function subnetsOf(
  config: NetworkConfig,
  context: NewNetworkContext,
  number: number,
): readonly NetworkSubnet[] {
  const chosen = (config.subnets ?? []).map((text) => parsedNetwork('subnet', text));
  const wants6 = config.ipv6 === true && !chosen.some(({ family }) => family === 6);
  const networks = [
    ...chosen,
    ...(chosen.some(({ family }) => family === 4) ? [] : [freeSubnet(config, context)]),
    ...(wants6 ? [ownSubnet6(context, number)] : []),
  ].sort((a, b) => a.family - b.family);
  for (const family of [4, 6] as const) {
    if (networks.filter((network) => network.family === family).length > 1)
      throw invalid(`it has more than one IPv${family} subnet`);
  }
  for (const network of chosen) requireUnused(network, context);
  const unused = { gateways: [...(config.gateways ?? [])], ranges: [...(config.ranges ?? [])] };
  const subnets = networks.map((network) => subnetOf(network, unused));
  for (const left of [...unused.gateways, ...unused.ranges])
    throw invalid(`"${left}" lies in none of its subnets`);
  return subnets;
}

function parsedNetwork(what: string, text: string): IpNetwork {
  const network = text.includes('/') ? parseNetwork(text) : undefined;
  if (network !== undefined) return network;
  throw invalid(`"${text}" is no ${what}`, 'Write it as 10.5.0.0/24');
}

function subnetOf(
  network: IpNetwork,
  unused: { readonly gateways: string[]; readonly ranges: string[] },
): NetworkSubnet {
  if (networkSize(network) < 4n) throw invalid(`subnet ${formatNetwork(network)} is too small`);
  const { family, base } = network;
  const gateway = takeFirst(unused.gateways, (text) => {
    const address = parseAddress(text);
    if (address === undefined) throw invalid(`"${text}" is no gateway address`);
    return networkContains(network, address) ? formatAddress(address) : undefined;
  });
  const range = takeFirst(unused.ranges, (text) => {
    const part = parsedNetwork('address range', text);
    const inside = networkContains(network, { family: part.family, value: part.base });
    return inside && part.prefix >= network.prefix ? formatNetwork(part) : undefined;
  });
  return {
    family,
    subnet: formatNetwork(network),
    gateway: gateway ?? formatAddress({ family, value: base + 1n }),
    range: range ?? null,
  };
}

/** Takes the first text out of a list for which `find` gives something. */
function takeFirst(
  texts: string[],
  find: (text: string) => string | undefined,
): string | undefined {
  for (const [index, text] of texts.entries()) {
    const found = find(text);
    if (found === undefined) continue;
    texts.splice(index, 1);
    return found;
  }
  return undefined;
}

function usedBy(existing: readonly Network[]): readonly IpNetwork[] {
  return existing.flatMap(({ subnets }) =>
    subnets.flatMap(({ subnet }) => parseNetwork(subnet) ?? []),
  );
}

function requireUnused(network: IpNetwork, { existing, avoid }: NewNetworkContext): void {
  const other = [...usedBy(existing), ...avoid].find((used) => networksOverlap(used, network));
  if (other === undefined) return;
  throw new WarrenError(
    'conflict',
    'SUBNET_IN_USE',
    `Cannot use subnet ${formatNetwork(network)}: it overlaps with ${formatNetwork(other)}, which another network or a route of the host uses`,
    { hint: 'Choose another subnet' },
  );
}

/** The first free block of the pool from `start` on. */
function freeSubnet(config: NetworkConfig, context: NewNetworkContext): IpNetwork {
  const { pool, existing, avoid, start } = context;
  const isDefault = config.name === defaultNetworkName;
  const prefix = isDefault
    ? Math.max(defaultPrefix, pool.prefix + 1)
    : Math.max(ownPrefix, pool.prefix + 4);
  const used = [...usedBy(existing), ...avoid];
  const count = 2 ** Math.max(0, prefix - pool.prefix);
  const size = 1n << BigInt(32 - prefix);
  // Blocks of the default's size are the places to start from, so that two data roots rarely meet.
  const starts = 2 ** Math.max(0, Math.max(defaultPrefix, pool.prefix + 1) - pool.prefix);
  const first = (start % starts) * (count / Math.min(starts, count));
  for (let tried = 0; tried < count; tried += 1) {
    const base = pool.base + BigInt((first + tried) % count) * size;
    const network: IpNetwork = { family: 4, base, prefix };
    if (!used.some((other) => networksOverlap(other, network))) return network;
  }
  throw new WarrenError(
    'exhausted',
    'NETWORK_POOL_EXHAUSTED',
    `Cannot make network ${config.name}: every /${prefix} of the pool ${formatNetwork(pool)} is used by networks or routes of the host`,
    { hint: 'Give it a --subnet, or set WARREN_NETWORK_POOL to another range' },
  );
}

function ownSubnet6({ start }: NewNetworkContext, number: number): IpNetwork {
  const base = base6 | (BigInt(start % 0x1_0000) << 80n) | (BigInt(number) << 64n);
  return { family: 6, base, prefix: prefix6 };
}

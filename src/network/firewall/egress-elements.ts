import {
  addressBits,
  formatAddress,
  networkContains,
  parseNetwork,
  type IpAddress,
  type IpNetwork,
} from '../../base/ip.js';
import {
  slotCount,
  type EgressPolicy,
  type EgressRule,
  type Endpoint,
} from '../../model/network/network.js';
import type { SetElement } from '../nft/set.js';
import { routerSets } from './router-table.js';

/** Numbers of policies are 32 bits: the endpoint's slot below, the policy's revision above. */
const policySlots = 2 * slotCount;
const revisions = 2 ** 32 / policySlots;

/**
 * Number of an endpoint's policy: elements of what it allows have it; 0 is none. Each revision has another one, so addresses of names
 * that the resolver has put in, or is just putting in, for an earlier one are nobody's.
 */
export function policyOf(
  { slot }: Pick<Endpoint, 'slot'>,
  { policy, revision = 0 }: EgressPolicy,
): number {
  return policy === 'allow' ? 0 : (revision % revisions) * policySlots + slot + 1;
}

/** Slot of the endpoint whose policy has this number. */
export function slotOfPolicy(policy: number): number {
  return (policy % policySlots) - 1;
}

/** What a policy allows by address, for as long as the container runs. */
export function addressElements(policy: number, { allow }: EgressPolicy): readonly SetElement[] {
  const byPort = new Map<number, IpNetwork[]>();
  for (const { kind, value, port } of allow) {
    const network = kind === 'cidr' ? parseNetwork(value) : undefined;
    if (network !== undefined) byPort.set(port, [...(byPort.get(port) ?? []), network]);
  }
  return [...byPort].flatMap(([port, networks]) =>
    largestOf(networks).map((network) => networkElement(policy, port, network)),
  );
}

/** Ranges of a set must not overlap: one network inside another says nothing more. */
function largestOf(networks: readonly IpNetwork[]): readonly IpNetwork[] {
  const largestFirst = [...networks].sort((a, b) => a.prefix - b.prefix);
  const found: IpNetwork[] = [];
  for (const network of largestFirst) {
    const first = { family: network.family, value: network.base };
    if (!found.some((larger) => networkContains(larger, first))) found.push(network);
  }
  return found;
}

function networkElement(policy: number, port: number, network: IpNetwork): SetElement {
  const { family, base, prefix } = network;
  const size = 1n << BigInt(addressBits(family) - prefix);
  const first = formatAddress({ family, value: base });
  const last = formatAddress({ family, value: base + size - 1n });
  if (port === 0) {
    const set = family === 4 ? routerSets.allowNet4 : routerSets.allowNet6;
    return { set, key: [policy, first], keyEnd: [policy, last] };
  }
  const set = family === 4 ? routerSets.allowNetPort4 : routerSets.allowNetPort6;
  return { set, key: [policy, first, port], keyEnd: [policy, last, port] };
}

/** Rules that a name falls under; `*.name` is every name below it. */
export function rulesFor(name: string, { allow }: EgressPolicy): readonly EgressRule[] {
  const lower = name.toLowerCase();
  return allow.filter(({ kind, value }) => {
    if (kind !== 'host') return false;
    const wanted = value.toLowerCase();
    return wanted.startsWith('*.') ? lower.endsWith(wanted.slice(1)) : lower === wanted;
  });
}

/** An address that a name has for a while. */
export interface TimedAddress {
  readonly address: IpAddress;
  readonly timeoutMs: number;
}

/** What rules allow of a name whose addresses were just found. */
export function nameElements(
  policy: number,
  rules: readonly EgressRule[],
  addresses: readonly TimedAddress[],
): readonly SetElement[] {
  const ports = new Set(rules.map(({ port }) => port));
  const wanted = ports.has(0) ? [0] : [...ports];
  return addresses.flatMap(({ address, timeoutMs }) =>
    wanted.map((port): SetElement => {
      const text = formatAddress(address);
      const is4 = address.family === 4;
      if (port === 0) {
        const set = is4 ? routerSets.allow4 : routerSets.allow6;
        return { set, key: [policy, text], timeoutMs };
      }
      const set = is4 ? routerSets.allowPort4 : routerSets.allowPort6;
      return { set, key: [policy, text, port], timeoutMs };
    }),
  );
}

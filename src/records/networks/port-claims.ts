import { parseAddress } from '../../base/ip.js';
import { WarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import type { PublishedPort } from '../../model/network/network.js';
import type { Tables } from '../database.js';

type Ports = Pick<Tables, 'ports'>;

/** Which container holds the port, or another one that excludes it: on one of two overlapping addresses. */
export function portOwner({ ports }: Ports, port: PublishedPort): string | undefined {
  const { protocol, hostPort } = port;
  const same = ports.getRange({
    start: [protocol, hostPort, ''],
    end: [protocol, hostPort + 1, ''],
  });
  for (const { key, value } of same) if (overlap(key[2], port.hostIp)) return value;
  return undefined;
}

/**
 * Claims of the host's ports within one transaction: all are checked first, and written afterwards.
 */
export class PortClaims {
  readonly #tables: Ports;
  readonly #claimed: (PublishedPort & { readonly owner: string })[] = [];

  constructor(tables: Ports) {
    this.#tables = tables;
  }

  /** @throws WarrenError conflict (PORT_IN_USE) */
  require(record: ContainerRecord): void {
    for (const port of record.ports) {
      const owner = this.#claimedBy(port) ?? portOwner(this.#tables, port);
      if (owner !== undefined && owner !== record.id) throw portInUse(record, port, owner);
      this.#claimed.push({ ...port, owner: record.id });
    }
  }

  write(record: ContainerRecord): void {
    for (const port of record.ports) void this.#tables.ports.put(keyOf(port), record.id);
  }

  release(record: ContainerRecord): void {
    for (const port of record.ports) {
      if (this.#tables.ports.get(keyOf(port)) === record.id)
        void this.#tables.ports.remove(keyOf(port));
    }
  }

  #claimedBy(port: PublishedPort): string | undefined {
    return this.#claimed.find(
      ({ protocol, hostPort, hostIp }) =>
        protocol === port.protocol && hostPort === port.hostPort && overlap(hostIp, port.hostIp),
    )?.owner;
  }
}

function keyOf({ protocol, hostPort, hostIp }: PublishedPort): [string, number, string] {
  return [protocol, hostPort, hostIp];
}

/** `''` and `::` are all addresses, `0.0.0.0` is all of IPv4. */
function overlap(a: string, b: string): boolean {
  const isEvery = (ip: string): boolean => ip === '' || ip === '::';
  if (a === b || isEvery(a) || isEvery(b)) return true;
  const isEvery4 = (ip: string): boolean => ip === '0.0.0.0';
  return (isEvery4(a) && isIPv4(b)) || (isEvery4(b) && isIPv4(a));
}

function isIPv4(ip: string): boolean {
  return parseAddress(ip)?.family === 4;
}

function portInUse(record: ContainerRecord, port: PublishedPort, owner: string): WarrenError {
  const { protocol, hostIp, hostPort } = port;
  const address = hostIp === '' ? '0.0.0.0' : hostIp.includes(':') ? `[${hostIp}]` : hostIp;
  return new WarrenError(
    'conflict',
    'PORT_IN_USE',
    `Cannot publish port ${hostPort}/${protocol} of container ${record.name}: Bind for ${address}:${hostPort} failed: port is already allocated`,
    {
      hint: `Container ${owner.slice(0, 12)} has it: stop that one, or choose another port`,
      details: { protocol, port: hostPort, hostIp, container: owner },
    },
  );
}

import { parseAddress } from '../../base/ip.js';
import type { PublishedPort } from '../../model/network/network.js';
import type { SetElement } from '../nft/set.js';
import { hostSets } from './host-table.js';

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Where published ports lead. */
export interface PortTarget {
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** Elements of the host's table: one for each port and family that both the host's address and the container have. */
export function portElements(
  ports: readonly PublishedPort[],
  target: PortTarget,
): readonly SetElement[] {
  return ports.flatMap((port) => [
    ...inFamily(port, 4, target.ipv4),
    ...inFamily(port, 6, target.ipv6),
  ]);
}

const anyAddress: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

function inFamily(port: PublishedPort, family: 4 | 6, address: string | null): SetElement[] {
  if (address === null) return [];
  const { hostIp, hostPort, containerPort } = port;
  const protocol = protocolNumbers[port.protocol];
  const data = [address, containerPort];
  if (anyAddress.has(hostIp)) {
    // As in Docker: 0.0.0.0 is every IPv4 address, :: every address of both families.
    if (hostIp === '0.0.0.0' && family === 6) return [];
    const set = family === 4 ? hostSets.publishedAny4 : hostSets.publishedAny6;
    return [{ set, key: [protocol, hostPort], data }];
  }
  if (parseAddress(hostIp)?.family !== family) return [];
  const set = family === 4 ? hostSets.published4 : hostSets.published6;
  return [{ set, key: [hostIp, protocol, hostPort], data }];
}

import { readFileSync } from 'node:fs';
import { errnoOf, isWarrenError } from '../../../base/errors.js';
import type { Keeper } from '../../../host/port.js';
import type { ContainerRecord } from '../../../model/container.js';
import { endFlows, trackedFlows } from '../../../network/conntrack.js';

/**
 * Ends what the kernel remembers of datagrams to ports that lead nowhere any more: a client that goes on sending from its port would
 * be led to the container that was there for ever. Connections of TCP end by themselves.
 */
export async function endDatagramFlows(
  keeper: Keeper,
  records: readonly Pick<ContainerRecord, 'ports' | 'endpoints'>[],
): Promise<void> {
  const ended = new Set(records.flatMap(placesOfDatagrams));
  if (ended.size === 0) return;
  const flows = trackedFlows(tracked()).filter(({ container, containerPort }) =>
    ended.has(`${container} ${containerPort}`),
  );
  try {
    await keeper.netlink('', endFlows(flows));
  } catch (error) {
    // A kernel without nf_conntrack_netlink: they end by time, when nobody sends any more.
    if (!isWarrenError(error) || error.details['errno'] !== 'EINVAL') throw error;
  }
}

function placesOfDatagrams({
  ports,
  endpoints,
}: Pick<ContainerRecord, 'ports' | 'endpoints'>): string[] {
  const addresses = endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4 ?? [], ipv6 ?? []].flat());
  return ports
    .filter(({ protocol }) => protocol === 'udp')
    .flatMap(({ containerPort }) => addresses.map((address) => `${address} ${containerPort}`));
}

function tracked(): string {
  try {
    return readFileSync('/proc/self/net/nf_conntrack', 'utf8');
  } catch (error) {
    // No connections are tracked, or this kernel does not list them.
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

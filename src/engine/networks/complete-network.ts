import { readFileSync } from 'node:fs';
import { type ErrorKind, isProcessGone, isWarrenError } from '../../base/errors.js';
import { addressBytes, parseAddress } from '../../base/ip.js';
import type { Keeper } from '../../host/port.js';
import type { ContainerRecord } from '../../model/container.js';
import type { Endpoint } from '../../model/network/network.js';
import { hasPorts } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import { type LockedContainer, withContainerLock } from '../state/container-lock.js';
import { readState } from '../state/read-states.js';
import { connectRunning, disconnectRunning } from './connect.js';
import { restoreEgress } from './egress.js';
import { admitPorts, keepForRestarts } from './ports/live-ports.js';

/** Gives a running container the networks, egress rules and ports that its record says, after a process died that was changing them. */
export async function completeNetwork(
  context: EngineContext,
  container: ContainerRecord,
): Promise<void> {
  await withContainerLock(context, container, {
    operation: 'network',
    work: async (locked) => {
      const { record } = locked;
      const { status, pid } = await readState(context, record);
      const keeper = await context.keepers.running(record.run?.keeper ?? 0);
      if (!hasPorts(status) || keeper === null) return;
      for (const endpoint of record.endpoints)
        if (!isWhole(pid, endpoint)) await connectOrForget(context, keeper, { locked, endpoint });
      const whole = context.records.containers.get(record.id) ?? record;
      await restoreEgress(context, keeper, whole);
      await admitPorts(context, keeper, whole);
      keepForRestarts(context, whole);
    },
  });
}

/** Of the engine's own parts, not of the network: the next open tries again. */
const passing: ReadonlySet<ErrorKind> = new Set([
  'unavailable',
  'canceled',
  'timedOut',
  'exhausted',
]);

/**
 * What cannot be connected any more, as the parent of a macvlan is gone, is taken out of the record: nobody was told that it is connected,
 * and an open that fails would stop all commands.
 */
async function connectOrForget(
  context: EngineContext,
  keeper: Keeper,
  { locked, endpoint }: { readonly locked: LockedContainer; readonly endpoint: Endpoint },
): Promise<void> {
  const { record, fence } = locked;
  try {
    await connectRunning(context, record, endpoint);
  } catch (error) {
    if (!isWarrenError(error) || passing.has(error.kind)) throw error;
    await disconnectRunning(context, keeper, { record, gone: endpoint });
    await context.records.containers.change([record.id], fence, (found) => ({
      ...found,
      endpoints: found.endpoints.filter(({ network }) => network !== endpoint.network),
    }));
  }
}

/** Its addresses are there: one message gives a link inside its addresses and routes. */
function isWhole(pid: number, { ipv4, ipv6 }: Endpoint): boolean {
  const table4 = ipv4 === null ? '' : tableOf(pid, 'fib_trie');
  const table6 = ipv6 === null ? '' : tableOf(pid, 'if_inet6');
  // What has ended meanwhile misses nothing.
  if (table4 === null || table6 === null) return true;
  const has4 = ipv4 === null || new RegExp(`-- ${ipv4}\\s+/32 host LOCAL`).test(table4);
  return has4 && (ipv6 === null || table6.includes(hexOf(ipv6)));
}

function hexOf(ipv6: string): string {
  const address = parseAddress(ipv6);
  return address === undefined ? '' : addressBytes(address).toString('hex');
}

/** Addresses as a process sees them; null when it is gone. */
function tableOf(pid: number, name: 'fib_trie' | 'if_inet6'): string | null {
  try {
    return readFileSync(`/proc/${pid}/net/${name}`, 'utf8');
  } catch (error) {
    if (isProcessGone(error)) return null;
    throw error;
  }
}

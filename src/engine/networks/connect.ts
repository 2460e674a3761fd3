import { WarrenError } from '../../base/errors.js';
import type { Keeper } from '../../host/port.js';
import type { ContainerRecord } from '../../model/container.js';
import type { Endpoint, Network, NetworkAttachment } from '../../model/network/network.js';
import { isNetworkName } from '../../model/network/network.js';
import { isLive } from '../../model/status.js';
import {
  connectBatches,
  disconnectBatches,
  disconnectInside,
} from '../../network/endpoint-batches.js';
import { admitBatches, dismissBatches } from '../../network/firewall/endpoint-firewall.js';
import { rateBatches, unshapeBatches } from '../../network/rate-batches.js';
import type { EngineContext } from '../context.js';
import { type LockedContainer, withContainerLock } from '../state/container-lock.js';
import { readState } from '../state/read-states.js';
import { wantedEndpoint } from './endpoints.js';
import { placesOf, requireParents } from './launch-batches.js';
import { dismissPorts } from './ports/host-ports.js';
import { admitPorts, keepForRestarts, withNetworkIntent } from './ports/live-ports.js';

/**
 * Gives a container one more network, while it runs or for its next start.
 * @throws WarrenError conflict (ALREADY_CONNECTED, NO_OWN_NETWORK), notFound
 */
export async function connectContainer(
  context: EngineContext,
  record: ContainerRecord,
  attachment: NetworkAttachment,
): Promise<void> {
  await withContainerLock(context, record, {
    operation: 'network',
    work: async (locked) => {
      requireOwnNetwork(locked.record);
      const wanted = await wantedEndpoint(context, attachment, freeIndex(locked.record));
      const network = context.records.networks.resolve(wanted.network);
      if (locked.record.endpoints.some((endpoint) => endpoint.network === wanted.network)) {
        throw new WarrenError(
          'conflict',
          'ALREADY_CONNECTED',
          `Cannot connect container ${locked.record.name}: it is connected to network ${network.name} already`,
        );
      }
      await withNetworkIntent(context, record.id, async () => {
        const changed = await change(context, locked, (endpoints) => [...endpoints, wanted]);
        const added = changed.endpoints.find((endpoint) => endpoint.network === wanted.network);
        if (added === undefined) return;
        try {
          await connectRunning(context, changed, added);
        } catch (error) {
          await change(context, locked, (endpoints) => without(endpoints, network));
          throw error;
        }
      });
      tell(context, { action: 'connect', network, container: record.id });
    },
  });
}

/**
 * Takes a container out of a network.
 * @throws WarrenError conflict (NOT_CONNECTED)
 */
export async function disconnectContainer(
  context: EngineContext,
  record: ContainerRecord,
  network: Network,
): Promise<void> {
  await withContainerLock(context, record, {
    operation: 'network',
    work: async (locked) => {
      const { endpoints, name } = locked.record;
      const gone = endpoints.find((endpoint) => endpoint.network === network.id);
      if (gone === undefined) {
        throw new WarrenError(
          'conflict',
          'NOT_CONNECTED',
          `Cannot disconnect container ${name}: it is not connected to network ${network.name}`,
        );
      }
      await withNetworkIntent(context, record.id, async () => {
        const keeper = await keeperOfRunning(context, locked.record);
        if (keeper !== null)
          await disconnectRunning(context, keeper, { record: locked.record, gone });
        const changed = await change(context, locked, (current) => without(current, network));
        if (keeper === null) return;
        await admitPorts(context, keeper, changed);
        keepForRestarts(context, changed);
      });
      tell(context, { action: 'disconnect', network, container: record.id });
    },
  });
}

/** Takes all that leads to a running container by one network out of the kernel; what is not there is no error. */
export async function disconnectRunning(
  context: EngineContext,
  keeper: Keeper,
  { record, gone }: { readonly record: ContainerRecord; readonly gone: Endpoint },
): Promise<void> {
  const places = placesOf(context, record, [gone]);
  // They lead to another network then, when there is one.
  await dismissPorts(context, [record]);
  await keeper.netlink(record.id, [
    ...disconnectInside(places),
    ...disconnectBatches(places),
    ...dismissBatches(places),
    ...unshapeBatches(places, record.spec.networking.rates),
  ]);
}

function without(endpoints: readonly Endpoint[], { id }: Network): readonly Endpoint[] {
  return endpoints.filter(({ network }) => network !== id);
}

function requireOwnNetwork({ spec, name }: ContainerRecord): void {
  if (spec.network === 'none' || isNetworkName(spec.network)) return;
  throw new WarrenError(
    'conflict',
    'NO_OWN_NETWORK',
    `Cannot connect container ${name}: its network is ${spec.network}`,
    { hint: 'Only containers with a network namespace of their own can be connected' },
  );
}

/** The smallest that no endpoint has: eth0 comes back after a disconnect. */
function freeIndex({ endpoints }: ContainerRecord): number {
  const taken = new Set(endpoints.map(({ index }) => index));
  let index = 0;
  while (taken.has(index)) index += 1;
  return index;
}

async function change(
  context: EngineContext,
  { record, fence }: LockedContainer,
  endpointsOf: (endpoints: readonly Endpoint[]) => readonly Endpoint[],
): Promise<ContainerRecord> {
  const [changed] = await context.records.containers.change([record.id], fence, (found) => ({
    ...found,
    endpoints: endpointsOf(found.endpoints),
  }));
  return changed ?? record;
}

async function keeperOfRunning(
  context: EngineContext,
  record: ContainerRecord,
): Promise<Keeper | null> {
  const { status } = await readState(context, record);
  return isLive(status) ? await context.keepers.running(record.run?.keeper ?? 0) : null;
}

/** Gives a running container what its record says of one network. */
export async function connectRunning(
  context: EngineContext,
  record: ContainerRecord,
  endpoint: Endpoint,
): Promise<void> {
  const keeper = await keeperOfRunning(context, record);
  if (keeper === null) return;
  const places = placesOf(context, record, [endpoint]);
  requireParents(places);
  const networks = places.map(({ network }) => network);
  await context.router.provide(keeper, networks);
  const options = { again: true, ipv6: context.router.ipv6 };
  await keeper.netlink(record.id, [
    ...disconnectInside(places),
    ...admitBatches(places),
    ...connectBatches(places, options),
    ...rateBatches(places, record.spec.networking.rates),
  ]);
  await admitPorts(context, keeper, record);
  keepForRestarts(context, record);
}

function tell(
  context: EngineContext,
  {
    action,
    network,
    container,
  }: {
    readonly action: 'connect' | 'disconnect';
    readonly network: Network;
    readonly container: string;
  },
): void {
  const { id, name } = network;
  context.journal.append([
    { type: 'network', timeMs: context.clock.now(), action, name, id, container },
  ]);
}

import { WarrenError } from '../../base/errors.js';
import { defaultNetworkName, type Network } from '../../model/network/network.js';
import type { EngineContext } from '../context.js';
import type { EngineNetworks, ListedNetwork } from '../contract.js';
import { connectContainer, disconnectContainer } from './connect.js';
import { createNetwork } from './create.js';
import { leadsOutside } from './host-side.js';
import { publishPorts, unpublishPorts } from './ports/live-ports.js';

/** Networks, bound to one engine. */
export function networkOperations(context: EngineContext): EngineNetworks {
  const { records } = context;
  return {
    create: async (config) => createNetwork(context, config),
    list: async () => records.networks.list().map((network) => listed(context, network)),
    get: async (reference) => listed(context, records.networks.resolve(reference)),
    remove: async (reference) => {
      await removeNetwork(context, records.networks.resolve(reference));
    },
    prune: async () => pruneNetworks(context),
    connect: async (container, attachment) => {
      await connectContainer(context, records.containers.resolve(container), attachment);
    },
    disconnect: async (container, reference) => {
      const network = records.networks.resolve(reference);
      await disconnectContainer(context, records.containers.resolve(container), network);
    },
    publish: async (container, mappings) =>
      publishPorts(context, records.containers.resolve(container), mappings),
    unpublish: async (container, selections) =>
      unpublishPorts(context, records.containers.resolve(container), selections),
  };
}

function listed(context: EngineContext, network: Network): ListedNetwork {
  return { ...network, usedBy: context.records.networks.users(network.id) };
}

/** Record first: a container that is being made either has its endpoint, which keeps the network, or fails. */
async function removeNetwork(context: EngineContext, network: Network): Promise<void> {
  await context.records.networks.remove(network.id);
  const keeper = context.router.isPinned ? await context.keepers.master() : null;
  if (keeper !== null) await context.router.leave(keeper, network);
  if (!context.records.networks.list().some(leadsOutside))
    await context.router.hostSide?.endForwarding();
  const { id, name } = network;
  context.journal.append([
    { type: 'network', timeMs: context.clock.now(), action: 'destroy', name, id },
  ]);
}

/** Removes networks that no container has an endpoint in, but the default one. */
async function pruneNetworks(context: EngineContext): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const network of context.records.networks.list()) {
    if (network.name === defaultNetworkName) continue;
    if (context.records.networks.users(network.id).length > 0) continue;
    try {
      await removeNetwork(context, network);
      removed.push(network.name);
    } catch (error) {
      // A container came in between.
      if (!(error instanceof WarrenError) || error.code !== 'NETWORK_IN_USE') throw error;
    }
  }
  return removed;
}

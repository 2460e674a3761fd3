import { createHash } from 'node:crypto';
import { isWarrenError } from '../../base/errors.js';
import { newId } from '../../base/ids.js';
import { parseNetwork, type IpNetwork } from '../../base/ip.js';
import {
  defaultNetworkName,
  type Network,
  type NetworkConfig,
  type NetworkId,
} from '../../model/network/network.js';
import { hostRoutes } from '../../network/host-routes.js';
import { newNetwork } from '../../network/new-network.js';
import type { EngineContext } from '../context.js';

/**
 * Stores a network. Links and routes of it are made when the first container uses it.
 * @throws WarrenError invalidArgument, conflict (NETWORK_EXISTS, SUBNET_IN_USE), exhausted (NETWORK_POOL_EXHAUSTED)
 */
export async function createNetwork(
  context: EngineContext,
  config: NetworkConfig,
): Promise<Network> {
  const id = newId() as NetworkId;
  const createdAtMs = context.clock.now();
  const avoid = config.driver === 'macvlan' ? [] : foreignRoutes(context);
  const { networkPool: pool, dataRoot } = context.settings;
  const start = createHash('sha256').update(dataRoot).digest().readUInt32LE(0);
  const network = await context.records.networks.insert((existing) =>
    newNetwork(config, { id, createdAtMs, existing, pool, avoid, start }),
  );
  context.journal.append([
    { type: 'network', timeMs: createdAtMs, action: 'create', name: network.name, id },
  ]);
  return network;
}

/** The network of that name or id; the default one is made when it is asked for first. */
export async function provideNetwork(context: EngineContext, reference: string): Promise<Network> {
  try {
    return context.records.networks.resolve(reference);
  } catch (error) {
    if (reference !== defaultNetworkName || !isWarrenError(error, 'notFound')) throw error;
  }
  try {
    return await createNetwork(context, { name: defaultNetworkName });
  } catch (error) {
    if (!isWarrenError(error, 'conflict', 'NETWORK_EXISTS')) throw error;
    return context.records.networks.resolve(reference);
  }
}

/** Routes of the host but those to our own networks. */
function foreignRoutes(context: EngineContext): readonly IpNetwork[] {
  const own = context.records.networks.list().flatMap(({ subnets }) => subnets);
  const isOwn = (route: IpNetwork): boolean =>
    own.some(({ subnet }) => {
      const network = parseNetwork(subnet);
      return network?.base === route.base && network.prefix === route.prefix;
    });
  return hostRoutes().filter((route) => !isOwn(route));
}

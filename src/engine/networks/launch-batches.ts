import { readFileSync } from 'node:fs';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { NetlinkBatch } from '../../host/netlink.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EgressPolicy, Endpoint, Network } from '../../model/network/network.js';
import { connectBatches, type Place } from '../../network/endpoint-batches.js';
import { admitBatches, dismissBatches } from '../../network/firewall/endpoint-firewall.js';
import {
  hostTableQuestion,
  publishBatches,
  unpublishBatches,
} from '../../network/firewall/published-ports.js';
import { rateBatches, unshapeBatches } from '../../network/rate-batches.js';
import type { EngineContext } from '../context.js';
import { publishedElements } from './ports/published-elements.js';

export interface LaunchBatches {
  readonly launch: readonly NetlinkBatch[];
  readonly cleanup: readonly NetlinkBatch[];
}

export const noBatches: LaunchBatches = { launch: [], cleanup: [] };

/** What a container's launch tells the kernel about its networks, and what its end does. */
export function launchBatches(context: EngineContext, record: ContainerRecord): LaunchBatches {
  if (record.endpoints.length === 0) return noBatches;
  const { run, spec } = record;
  const again = (run?.generation ?? 1) > 1 || spec.restart.name !== 'no';
  const { ipv6 } = context.router;
  const { rates } = spec.networking;
  const places = placesOf(context, record);
  requireParents(places);
  const host = hostBatches(context, record, places);
  return {
    launch: [
      ...admitBatches(places),
      ...connectBatches(places, { again, ipv6 }),
      ...rateBatches(places, rates),
      ...host.launch,
    ],
    cleanup: [...host.cleanup, ...dismissBatches(places), ...unshapeBatches(places, rates)],
  };
}

/**
 * What the host's table gets. Each launch finds out whether it is there; but not those that the keeper does by itself, which would
 * fail then with nobody to make it again.
 */
function hostBatches(
  context: EngineContext,
  record: ContainerRecord,
  places: readonly Place[],
): LaunchBatches {
  const table = context.router.hostSide?.table;
  const isRouted = places.some(({ network }) => network.driver !== 'macvlan');
  if (table === undefined || !isRouted) return noBatches;
  const elements = publishedElements(context, record);
  const tolerant = record.spec.restart.name !== 'no';
  return {
    launch: [
      ...(tolerant ? [] : hostTableQuestion(table)),
      ...publishBatches(table, elements, { tolerant }),
    ],
    cleanup: unpublishBatches(table, elements),
  };
}

/**
 * Endpoints of a container, all of them or those that are given, with their networks.
 * @throws WarrenError notFound (NO_SUCH_NETWORK), unsupported (EGRESS_NEEDS_ROUTED)
 */
export function placesOf(
  context: EngineContext,
  { endpoints: all, spec }: Pick<ContainerRecord, 'endpoints' | 'spec'>,
  endpoints: readonly Endpoint[] = all,
): readonly Place[] {
  const { egress } = spec.networking;
  return endpoints.map((endpoint) => {
    const network = context.records.networks.get(endpoint.network);
    if (network === undefined) {
      throw new WarrenError('notFound', 'NO_SUCH_NETWORK', `network ${endpoint.network} not found`);
    }
    requireFilter(network, egress);
    return { endpoint, network, egress, parent: parentOf(network) };
  });
}

/** The networks of a record. */
export function networksOf(context: EngineContext, record: ContainerRecord): readonly Network[] {
  return placesOf(context, record).map(({ network }) => network);
}

/** What stays on a bridge, or goes by a link of the host, does not pass the rules of the router. */
function requireFilter({ driver, name }: Network, { policy }: EgressPolicy): void {
  if (policy === 'allow' || driver === 'routed') return;
  throw new WarrenError(
    'unsupported',
    'EGRESS_NEEDS_ROUTED',
    `Cannot restrict what a container reaches on network ${name}: packets of driver ${driver} do not all pass the router`,
    { hint: 'Use a network of driver routed' },
  );
}

/** Interface index of a macvlan's parent; 0 when it is gone, or there is none. */
function parentOf({ driver, options }: Network): number {
  if (driver !== 'macvlan') return 0;
  const parent = options['parent'] ?? '';
  return upLinks().get(parent) ?? shownIndex(parent) ?? 0;
}

/** What is connected needs the parents of its macvlans; what is taken away does not. @throws WarrenError notFound (NO_SUCH_LINK) */
export function requireParents(places: readonly Place[]): void {
  for (const { network, parent } of places) {
    if (network.driver !== 'macvlan' || parent !== 0) continue;
    throw new WarrenError(
      'notFound',
      'NO_SUCH_LINK',
      `Cannot use network ${network.name}: the host has no link ${network.options['parent'] ?? ''}`,
    );
  }
}

/** Links of this process's network namespace, as far as they are up, with their indexes. */
function upLinks(): ReadonlyMap<string, number> {
  const lines = readFileSync('/proc/self/net/igmp', 'utf8').matchAll(/^(\d+)\t(\S+?)\s*:/gm);
  return new Map([...lines].map(([, index, name = '']) => [name, Number(index)]));
}

/** Of a link that is down. Where /sys was mounted in another network namespace, it shows the links of that one. */
function shownIndex(link: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

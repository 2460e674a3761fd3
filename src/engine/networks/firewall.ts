import type { ContainerRecord } from '../../model/container.js';
import type { Endpoint } from '../../model/network/network.js';
import {
  admitBatches,
  dismissBatches,
  forgetBatches,
  placeElements,
} from '../../network/firewall/endpoint-firewall.js';
import type { EngineContext } from '../context.js';
import { keeperStates } from '../state/read-states.js';
import { placesOf } from './launch-batches.js';
import { publishedElements } from './ports/published-elements.js';
import type { LiveElements } from './router.js';

/** What the tables of router and host hold for the containers that run. */
export async function liveElements(context: EngineContext): Promise<LiveElements> {
  const started = context.records.containers.list().filter(({ phase }) => phase === 'started');
  const states = await keeperStates(context, started);
  const live = started.filter(({ id }) => {
    const status = states.get(id)?.status;
    return status !== undefined && status !== 'exited';
  });
  return {
    ...placeElements(live.flatMap((record) => placesOf(context, record))),
    host: live.flatMap((record) => publishedElements(context, record)),
  };
}

/**
 * Takes away what a container's own cleanup does not know: networks that it was connected to while it ran, and egress rules that it got
 * then. True when there was any.
 */
export async function dismissLater(
  context: EngineContext,
  record: ContainerRecord,
): Promise<boolean> {
  const isChanged = (record.spec.networking.egress.revision ?? 0) > 0;
  const later = laterEndpoints(context, record, isChanged);
  if (later.length === 0 || !context.router.isPinned) return false;
  const places = placesOf(context, record, later);
  const keeper = await context.keepers.master();
  await keeper.netlink('', [
    ...dismissBatches(places),
    ...(isChanged ? forgetBatches(places) : []),
  ]);
  return true;
}

function laterEndpoints(
  context: EngineContext,
  { endpoints, spec }: ContainerRecord,
  all: boolean,
): readonly Endpoint[] {
  const begun = new Set(spec.networking.attachments.map(({ network }) => network));
  return endpoints.filter(({ network }) => {
    const found = context.records.networks.get(network);
    // A macvlan has nothing in the router, and its parent may be gone.
    if (found === undefined || found.driver === 'macvlan') return false;
    return all || (!begun.has(found.id) && !begun.has(found.name));
  });
}

/** The same after the end of runs was stored. Who started one again meanwhile gets its elements back. */
export async function dismissEndedPlaces(
  context: EngineContext,
  ended: readonly ContainerRecord[],
): Promise<void> {
  for (const record of ended) {
    if (!(await dismissLater(context, record))) continue;
    const now = context.records.containers.get(record.id);
    if (now?.phase !== 'started') continue;
    const keeper = await context.keepers.master();
    await keeper.netlink('', admitBatches(placesOf(context, now)));
  }
}

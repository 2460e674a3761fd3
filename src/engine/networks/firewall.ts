import type { ContainerRecord } from '../../model/container.js';
import type { Endpoint } from '../../model/network.js';
import { dismissBatches, placeElements } from '../../network/firewall/endpoint-firewall.js';
import type { EngineContext } from '../context.js';
import { keeperStates } from '../state/read-states.js';
import { placesOf } from './launch-batches.js';
import { publishedElements } from './published-elements.js';
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

/** Takes away what a container's own cleanup does not know: networks that it was connected to while it ran. */
export async function dismissLater(context: EngineContext, record: ContainerRecord): Promise<void> {
  const begun = new Set(record.spec.networking.attachments.map(({ network }) => network));
  const isLater = ({ network }: Endpoint): boolean => {
    const found = context.records.networks.get(network);
    return found !== undefined && !begun.has(found.id) && !begun.has(found.name);
  };
  const later = record.endpoints.filter(isLater);
  if (later.length === 0 || !context.router.isPinned) return;
  const keeper = await context.keepers.master();
  await keeper.netlink('', dismissBatches(placesOf(context, record, later)));
}

import type { Keeper } from '../../../host/port.js';
import type { ContainerRecord } from '../../../model/container.js';
import {
  clearBatches,
  hostTableQuestion,
  publishBatches,
  unpublishBatches,
} from '../../../network/firewall/published-ports.js';
import type { EngineContext } from '../../context.js';
import { endDatagramFlows } from './port-flows.js';
import { publishedElements } from './published-elements.js';

/**
 * Before the launch of a container that the keeper starts again by itself: its plan does without what is missing, so that is looked at
 * here. Throws what a launch throws then.
 */
export async function readyForRestarts(
  context: EngineContext,
  keeper: Keeper,
  record: ContainerRecord,
): Promise<void> {
  const table = context.router.hostSide?.table;
  if (table === undefined || record.spec.restart.name === 'no') return;
  if (record.endpoints.length === 0) return;
  await keeper.netlink('', hostTableQuestion(table));
  await clearPorts(context, keeper, record);
}

/** Takes away what the container's ports led to before: they are its own by its record. */
export async function clearPorts(
  context: EngineContext,
  keeper: Keeper,
  record: ContainerRecord,
): Promise<void> {
  const table = context.router.hostSide?.table;
  if (table === undefined) return;
  await keeper.netlink('', clearBatches(table, publishedElements(context, record)));
}

/** Takes away what leads to containers: the cleanup of a launch does not know the ports that were published later. */
export async function dismissPorts(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  const table = context.router.hostSide?.table;
  if (table === undefined || !context.router.isPinned) return;
  const batches = records.flatMap((record) =>
    unpublishBatches(table, publishedElements(context, record)),
  );
  if (batches.length === 0) return;
  const keeper = await context.keepers.master();
  await keeper.netlink('', batches);
  await endDatagramFlows(keeper, records);
}

/** The same after the end of runs was stored. Who started one again meanwhile has the same elements: they come back. */
export async function dismissEnded(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  const ended = records.filter(({ ports }) => ports.length > 0);
  const table = context.router.hostSide?.table;
  if (table === undefined || ended.length === 0) return;
  await dismissPorts(context, ended);
  const again = ended.flatMap(({ id }) => {
    const now = context.records.containers.get(id);
    return now?.phase === 'started' ? publishedElements(context, now) : [];
  });
  if (again.length === 0) return;
  const keeper = await context.keepers.master();
  await keeper.netlink('', publishBatches(table, again, { tolerant: true }));
}

import type { EngineContext } from '../context.js';
import type { PruneResult } from '../contract.js';
import { listContainers } from '../observe/list.js';
import { removeContainers } from './remove.js';

/** Removes all containers that do not run, and says how many bytes their writable layers held. */
export async function pruneContainers(
  context: EngineContext,
  filters: Readonly<Record<string, readonly string[]>> = {},
): Promise<PruneResult> {
  const stopped = await listContainers(context, {
    all: true,
    filters: { ...filters, status: ['created', 'exited', 'dead'] },
  });
  const ids = stopped.map(({ record }) => record.id);
  const sizes = new Map<string, number>();
  for (const id of ids) sizes.set(id, await context.storage.size(id));
  const results = await removeContainers(context, ids, {});
  const deleted = results.flatMap((result) => (result.ok ? [result.id] : []));
  context.reclaimer.schedule();
  await context.reclaimer.idle();
  return {
    deleted,
    reclaimedBytes: deleted.reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0),
  };
}

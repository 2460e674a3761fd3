import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';

/** Lets the keepers drop exited runs from their tables; runs of another boot are gone with it. */
export async function forget(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  const byInstance = new Map<number, string[]>();
  for (const { id, run } of records) {
    if (run === null || run.bootId !== context.facts.bootId) continue;
    const ids = byInstance.get(run.keeper);
    if (ids === undefined) byInstance.set(run.keeper, [id]);
    else ids.push(id);
  }
  for (const [instance, ids] of byInstance) {
    const keeper = await context.keepers.running(instance);
    if (keeper !== null) await keeper.containers.forget(ids);
  }
}

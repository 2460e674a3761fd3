import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import { isNotSupervised } from '../launch/keepers.js';
import { forget } from '../state/forget.js';

const sigkill = 9;

/**
 * After a launch that failed for this process: the keeper may have gone through with it (the connection broke, the keeper was
 * killed and another took over). Whatever runs is ended, so that its files can go.
 */
export async function endLaunch(context: EngineContext, record: ContainerRecord): Promise<void> {
  const current = context.records.containers.get(record.id) ?? record;
  if (current.run === null) return;
  const keeper = await context.keepers.start(current.run.keeper);
  try {
    const [state] = await keeper.containers.list([record.id]);
    if (state === undefined) return;
    if (state.status !== 'exited') await keeper.containers.stop(record.id, sigkill, 0);
  } catch (error) {
    if (!isNotSupervised(error)) throw error;
  }
  await forget(context, [current]);
}

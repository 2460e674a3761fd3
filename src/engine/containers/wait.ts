import { WarrenError } from '../../base/errors.js';
import type { ContainerRecord, ExitInfo } from '../../model/container.js';
import { canDo } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import { isNotSupervised } from '../launch/keepers.js';
import { commitExit } from '../state/commit-exits.js';
import { exitInfo, unknownExit } from '../state/exit-info.js';
import { readState } from '../state/read-states.js';
import { removeExited } from './launch/auto-remove.js';
import { untilRemoved, untilStarted } from './launch/until-event.js';

export interface WaitOptions {
  /** @default 'not-running' */
  readonly condition?: 'not-running' | 'next-exit' | 'removed';
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for the end of a container and says how it ended. `not-running` returns at once when it does not run.
 * @throws WarrenError canceled, notFound when it was removed before anybody saw its end
 */
export async function waitContainer(
  context: EngineContext,
  container: ContainerRecord,
  options: WaitOptions = {},
): Promise<ExitInfo> {
  const { condition = 'not-running', signal } = options;
  if (condition === 'removed') return await untilRemoved(context, container, signal);
  for (;;) {
    const record = context.records.containers.get(container.id);
    if (record === undefined) throw gone(container);
    const state = await readState(context, record);
    const runs = canDo('stop', state.status);
    if (!runs && condition === 'not-running') {
      await removeExited(context, record);
      return state.lastExit ?? unknownExit(0);
    }
    if (!runs) {
      await untilStarted(context, record, signal);
      continue;
    }
    const exit = await nextExit(context, record, { condition, signal });
    if (exit !== null) return exit;
  }
}

/** null: the keeper does not know the container any more, so look again. */
async function nextExit(
  context: EngineContext,
  record: ContainerRecord,
  {
    condition,
    signal,
  }: { condition: 'not-running' | 'next-exit'; signal: AbortSignal | undefined },
): Promise<ExitInfo | null> {
  const keeper = record.run === null ? null : await context.keepers.running(record.run.keeper);
  if (keeper === null) return null;
  try {
    const end = await keeper.containers.wait(record.id, condition, signal);
    const [state] = await keeper.containers.list([record.id]);
    const exit = exitInfo(end);
    if (state === undefined || state.status === 'exited') {
      const generation = state?.generation ?? record.run?.generation ?? 0;
      const removed = await removeExited(context, record);
      if (!removed) {
        await commitExit(context, record.id, { exit, generation, restarts: state?.restarts ?? 0 });
      }
    }
    return exit;
  } catch (error) {
    if (isNotSupervised(error)) return null;
    throw error;
  }
}

function gone({ name }: ContainerRecord): WarrenError {
  return new WarrenError('notFound', 'NO_SUCH_CONTAINER', `No such container: ${name}`);
}

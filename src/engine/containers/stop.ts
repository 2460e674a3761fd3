import type { ContainerRecord, ExitInfo } from '../../model/container.js';
import { parseSignal } from '../../model/signals.js';
import { canDo } from '../../model/status.js';
import { runBatch } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchResult, StopOptions } from '../contract.js';
import { isNotSupervised } from '../launch/keepers.js';
import { containerEvent } from '../observe/events/container-event.js';
import { commitExit } from '../state/commit-exits.js';
import { type LockedContainer, withContainerLock } from '../state/container-lock.js';
import { exitInfo } from '../state/exit-info.js';
import { readState } from '../state/read-states.js';
import { removeExited } from './launch/auto-remove.js';

/** Stops containers; one that does not run is left alone. The value is how the last run ended. */
export async function stopContainers(
  context: EngineContext,
  references: readonly string[],
  options: StopOptions = {},
): Promise<readonly BatchResult<ExitInfo | null>[]> {
  const signal = options.stopSignal === undefined ? undefined : parseSignal(options.stopSignal);
  return await runBatch<ExitInfo | null>(context, references, {
    name: 'stop',
    options,
    work: async (record) =>
      await withContainerLock(context, record, {
        operation: 'stop',
        signal: options.signal,
        work: async (locked) =>
          await stopLocked(context, locked, { signal, timeoutMs: options.timeoutMs }),
      }),
  });
}

export interface StopWishes {
  readonly signal: number | undefined;
  readonly timeoutMs: number | undefined;
}

/** A wait without end, for the keeper's 64-bit milliseconds. */
const endless = Number.MAX_SAFE_INTEGER;

/** Stops a container under its lock. null when it never ran. */
export async function stopLocked(
  context: EngineContext,
  { record, fence }: LockedContainer,
  wishes: StopWishes,
): Promise<ExitInfo | null> {
  const { status, lastExit } = await readState(context, record);
  if (!canDo('stop', status) || record.run === null) return lastExit;
  const keeper = await context.keepers.running(record.run.keeper);
  if (keeper === null) return lastExit;
  await context.records.containers.change([record.id], fence, (found) => ({
    ...found,
    stoppedByUser: true,
  }));
  const timeoutMs = wishes.timeoutMs ?? record.spec.stopTimeoutMs;
  const exit = await stopped(context, record, async () =>
    exitInfo(
      await keeper.containers.stop(
        record.id,
        wishes.signal ?? record.spec.stopSignal,
        timeoutMs < 0 ? endless : timeoutMs,
      ),
    ),
  );
  context.journal.append([containerEvent(context, record, { action: 'stop' })]);
  return exit;
}

/** Commits the end that `end` waits for. The container may have ended, and been forgotten, just before. */
async function stopped(
  context: EngineContext,
  record: ContainerRecord,
  end: () => Promise<ExitInfo>,
): Promise<ExitInfo | null> {
  try {
    const exit = await end();
    const keeper = await context.keepers.running(record.run?.keeper ?? 0);
    const [state] = (await keeper?.containers.list([record.id])) ?? [];
    await commitExit(context, record.id, {
      exit,
      generation: state?.generation ?? record.run?.generation ?? 0,
      restarts: state?.restarts ?? 0,
    });
    await removeExited(context, record);
    return exit;
  } catch (error) {
    if (!isNotSupervised(error)) throw error;
    return context.records.containers.get(record.id)?.lastExit ?? null;
  }
}

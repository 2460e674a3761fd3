import { parseSignal } from '../../model/signals.js';
import { runBatch } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchResult, StopOptions } from '../contract.js';
import { containerEvent } from '../observe/events/container-event.js';
import { withContainerLock } from '../state/container-lock.js';
import { launchLocked } from './launch/start.js';
import { stopLocked } from './stop.js';

/** Stops and starts containers under one lock each. */
export async function restartContainers(
  context: EngineContext,
  references: readonly string[],
  options: StopOptions = {},
): Promise<readonly BatchResult[]> {
  const signal = options.stopSignal === undefined ? undefined : parseSignal(options.stopSignal);
  return await runBatch<void>(context, references, {
    name: 'restart',
    options,
    work: async (record) => {
      await withContainerLock(context, record, {
        operation: 'restart',
        signal: options.signal,
        work: async (locked) => {
          const kept = keepAfterExit(locked.record);
          await stopLocked(
            context,
            { ...locked, record: kept },
            { signal, timeoutMs: options.timeoutMs },
          );
          await launchLocked(context, locked, { signal: options.signal });
        },
      });
      context.journal.append([containerEvent(context, record, { action: 'restart' })]);
    },
  });
}

/** The stop in a restart is not an end: `--rm` waits for the next one. */
function keepAfterExit<T extends { readonly spec: { readonly autoRemove: boolean } }>(
  record: T,
): T {
  return record.spec.autoRemove
    ? { ...record, spec: { ...record.spec, autoRemove: false } }
    : record;
}

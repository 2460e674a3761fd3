import type { ContainerRecord } from '../../model/container.js';
import { WarrenError } from '../../base/errors.js';
import { readLog } from '../../logs/read-log.js';
import type { LogEntry } from '../../logs/reader.js';
import { canDo } from '../../model/status.js';
import { waitContainer } from '../containers/wait.js';
import type { EngineContext } from '../context.js';
import type { LogOptions } from '../contract.js';
import { logPathOf } from '../launch/launch-input.js';
import { readState } from '../state/read-states.js';

/**
 * What a container wrote.
 * @throws WarrenError unsupported (NO_LOGS) when its log driver keeps none that can be read
 */
export async function* containerLogs(
  context: EngineContext,
  record: ContainerRecord,
  options: LogOptions = {},
): AsyncGenerator<LogEntry, void> {
  if (record.spec.log.driver !== 'file') {
    throw new WarrenError(
      'unsupported',
      'NO_LOGS',
      `Cannot read logs of container ${record.name}: its log driver is ${record.spec.log.driver}`,
      { hint: 'Run it with the log driver file' },
    );
  }
  const { follow, ...query } = options;
  const stop = new AbortController();
  const ended = follow === true ? untilEnd(context, record, stop.signal) : undefined;
  // The reader hears of a failure; without a reader (an early return) nobody needs to.
  ended?.catch(() => undefined);
  try {
    yield* readLog(logPathOf(context, record.id), {
      ...query,
      ...(ended === undefined ? {} : { follow: { ended } }),
    });
  } finally {
    stop.abort();
  }
}

/** A container that restarts goes on writing; a removed one does not. */
async function untilEnd(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  const { status } = await readState(context, record);
  if (canDo('stop', status)) await waitContainer(context, record, { signal });
}

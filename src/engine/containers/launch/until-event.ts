import { canceledError, LinkedAbort } from '../../../base/abort.js';
import type { ContainerRecord, ExitInfo } from '../../../model/container.js';
import type { EngineContext } from '../../context.js';
import { followEvents } from '../../observe/events/events.js';
import { unknownExit } from '../../state/exit-info.js';
import { readState } from '../../state/read-states.js';

/** Waits until the record is gone; returns the last end that was seen before. */
export async function untilRemoved(
  context: EngineContext,
  container: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<ExitInfo> {
  let last: ExitInfo | null = null;
  await untilTrue(context, container, {
    signal,
    check: async () => {
      const record = context.records.containers.get(container.id);
      if (record === undefined) return true;
      last = (await readState(context, record)).lastExit ?? last;
      return false;
    },
  });
  return last ?? unknownExit(0);
}

/** Waits until the container runs or its record is gone. */
export async function untilStarted(
  context: EngineContext,
  container: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  const generation = container.run?.generation;
  await untilTrue(context, container, {
    signal,
    check: async () => {
      const record = context.records.containers.get(container.id);
      return record === undefined || record.run?.generation !== generation;
    },
  });
}

interface Condition {
  readonly signal: AbortSignal | undefined;
  readonly check: () => Promise<boolean>;
}

/** Looks again after each event of the container. */
async function untilTrue(
  context: EngineContext,
  container: ContainerRecord,
  { signal, check }: Condition,
): Promise<void> {
  using stop = new LinkedAbort(signal);
  let ready = (): void => undefined;
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const events = followEvents(context, { signal: stop.signal, onReady: ready });
  try {
    let next = events.next();
    // What happens after the look at the record is then seen.
    await Promise.race([isReady, next]);
    while (!(await check())) {
      const { done, value } = await next;
      if (done === true) throw canceledError(`wait for container ${container.name}`, stop.signal);
      next = events.next();
      if (value.type === 'container' && value.id === container.id) continue;
    }
  } finally {
    stop.abort();
  }
}

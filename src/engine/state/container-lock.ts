import { WarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';

export interface LockRequest {
  /** Shown to whoever waits in vain: `stop`. */
  readonly operation: string;
  readonly signal?: AbortSignal | undefined;
}

/** What an operation holds: the record as it is under the lock, and the number that its commits carry. */
export interface LockedContainer {
  readonly record: ContainerRecord;
  readonly fence: bigint;
}

/** Longer than a stop with the default grace; a longer one is waited for by asking again. */
const lockTimeoutMs = 60_000;

/**
 * Runs `work` while no other operation of this run dir holds the container. The lock lives at the keeper: it ends with this
 * process's connection, and its fence makes a commit that comes too late fail.
 * @throws WarrenError notFound when the container was removed meanwhile; conflict (CONTAINER_BUSY) after a minute
 */
export async function withContainerLock<T>(
  context: EngineContext,
  container: Pick<ContainerRecord, 'id' | 'name'>,
  request: LockRequest & { readonly work: (locked: LockedContainer) => Promise<T> },
): Promise<T> {
  const keeper = await context.keepers.master();
  await using lock = await keeper.lock(`container:${container.id}`, {
    operation: request.operation,
    timeoutMs: lockTimeoutMs,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  const record = context.records.containers.get(container.id);
  if (record === undefined) {
    throw new WarrenError('notFound', 'NO_SUCH_CONTAINER', `No such container: ${container.name}`);
  }
  return await request.work({ record, fence: lock.fence });
}

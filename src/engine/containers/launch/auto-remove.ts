import type { ContainerRecord } from '../../../model/container.js';
import { isWarrenError } from '../../../base/errors.js';
import type { EngineContext } from '../../context.js';
import { forget } from '../../state/forget.js';
import { discardContainer } from './discard.js';

/**
 * Removes a container that goes with its end (`--rm`), whose run is over. Several may try at once (the client that waits for it, the
 * one that stopped it, reconcile): each step is harmless when it was done already.
 */
export async function removeExited(
  context: EngineContext,
  record: ContainerRecord,
): Promise<boolean> {
  if (!record.spec.autoRemove) return false;
  const generation = record.run?.generation;
  const [removing] = await context.records.containers.change([record.id], null, (found) =>
    // One that never ran waits for its start, and a newer run is not this one's end.
    found.phase === 'created' || found.run?.generation !== generation
      ? undefined
      : { ...found, phase: 'removing' },
  );
  if (removing?.phase !== 'removing') return false;
  // The keeper first: as long as it has the run, a record explains it.
  await forget(context, [removing]);
  try {
    await discardContainer(context, removing);
  } catch (error) {
    if (!isWarrenError(error, 'notFound')) throw error;
  }
  return true;
}

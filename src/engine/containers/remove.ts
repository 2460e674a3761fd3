import type { ContainerRecord } from '../../model/container.js';
import { canDo, requireStatus } from '../../model/status.js';
import { runBatch } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchResult, RemoveOptions } from '../contract.js';
import { type LockedContainer, withContainerLock } from '../state/container-lock.js';
import { isNotSupervised } from '../launch/keepers.js';
import { forget } from '../state/forget.js';
import { readState } from '../state/read-states.js';
import { discardContainer } from './launch/discard.js';

const sigkill = 9;

/** Removes containers; running ones only when forced (they are killed). */
export async function removeContainers(
  context: EngineContext,
  references: readonly string[],
  options: RemoveOptions = {},
): Promise<readonly BatchResult[]> {
  using _freedBehind = context.reclaimer.hold();
  return await runBatch<void>(context, references, {
    name: 'remove',
    options,
    work: async (record) => {
      if (options.force === true) await killFirst(context, record);
      await withContainerLock(context, record, {
        operation: 'remove',
        signal: options.signal,
        work: async (locked) => {
          await removeLocked(context, locked, options);
        },
      });
    },
  });
}

/** Before the lock: a stop with a long grace that holds it ends at once. */
async function killFirst(context: EngineContext, record: ContainerRecord): Promise<void> {
  if (record.run === null || record.phase !== 'started') return;
  const keeper = await context.keepers.running(record.run.keeper);
  if (keeper === null || record.run.bootId !== context.facts.bootId) return;
  try {
    await keeper.containers.stop(record.id, sigkill, 0);
  } catch (error) {
    if (!isNotSupervised(error)) throw error;
  }
}

/** Removes a container under its lock. */
export async function removeLocked(
  context: EngineContext,
  { record, fence }: LockedContainer,
  options: Pick<RemoveOptions, 'force' | 'volumes'>,
): Promise<void> {
  const { status } = await readState(context, record);
  if (options.force === true && canDo('stop', status)) await killFirst(context, record);
  else requireStatus('remove', status, record.name);
  // Asked for at once, they are one commit.
  const [intent, [removing]] = await Promise.all([
    context.records.intents.begin({
      ...context.self,
      operation: 'remove',
      subjects: [record.id],
    }),
    context.records.containers.change([record.id], fence, (found) => ({
      ...found,
      phase: 'removing',
    })),
  ]);
  if (removing !== undefined) {
    await forget(context, [removing]);
    await discardContainer(context, removing, {
      volumes: options.volumes === true || record.spec.autoRemove,
      fence,
    });
  }
  context.records.intents.endSoon(intent);
}

import { isWarrenError } from '../../base/errors.js';
import type { KeeperState } from '../../host/port.js';
import { isAlive } from '../../host/process-identity.js';
import type { ContainerId, ContainerRecord } from '../../model/container.js';
import type { Intent } from '../../records/store.js';
import { removeExited } from '../containers/launch/auto-remove.js';
import { discardContainer } from '../containers/launch/discard.js';
import { removeContainers } from '../containers/remove.js';
import type { EngineContext } from '../context.js';
import { compileContainer } from '../launch/launch-input.js';
import { completeNetwork } from '../networks/complete-network.js';
import { keeperStates } from './read-states.js';

/**
 * Undoes, or completes, what processes left that died in the middle of a multi-step operation. Every step is harmless when
 * another process does it at the same time.
 */
export async function recoverIntents(context: EngineContext): Promise<number> {
  const { bootId } = context.facts;
  const dead = context.records.intents.list().filter((intent) => !isAlive(intent, bootId));
  for (const intent of dead) {
    await recover(context, intent);
    await context.records.intents.end(intent.id);
  }
  if (dead.length > 0) context.reclaimer.schedule();
  return dead.length;
}

async function recover(context: EngineContext, intent: Intent): Promise<void> {
  const records = intent.subjects.map((id) => context.records.containers.get(id as ContainerId));
  const existing = records.filter((record) => record !== undefined);
  if (['create', 'run', 'build'].includes(intent.operation)) {
    for (const [index, id] of intent.subjects.entries()) {
      // Removed by its name while it was being made.
      if (records[index] === undefined) await context.storage.remove(id);
    }
  }
  if (intent.operation === 'create') {
    // The caller of `create` never heard of these, and their directories may be missing.
    for (const record of existing) {
      if (record.phase === 'created') await discardContainer(context, record);
    }
  }
  if (intent.operation === 'run') await recoverRuns(context, existing);
  if (intent.operation === 'build') {
    await settledStates(context, existing);
    const ids = existing.map(({ id }) => id);
    for (const result of await removeContainers(context, ids, { force: true, volumes: true }))
      if (!result.ok && result.error.kind !== 'notFound') throw result.error;
  }
  if (intent.operation === 'commit') await unfreeze(context, existing);
  if (intent.operation === 'network') {
    for (const record of existing) await completed(context, record);
  }
  if (intent.operation === 'remove') {
    for (const record of existing) {
      if (record.phase === 'removing') await discardContainer(context, record);
    }
  }
}

/** One that somebody removed meanwhile needs nothing. */
async function completed(context: EngineContext, record: ContainerRecord): Promise<void> {
  try {
    await completeNetwork(context, record);
  } catch (error) {
    if (!isWarrenError(error, 'notFound')) throw error;
  }
}

/** The caller of `run` never heard of these containers: those that were not launched are undone. */
async function recoverRuns(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  const states = await settledStates(context, records);
  for (const record of records) {
    if (record.phase !== 'started') continue;
    const state = states.get(record.id);
    if (state === undefined) await discardContainer(context, record);
    else if (state.status === 'exited') await removeExited(context, record);
    else if (record.spec.autoRemove) await handOver(context, record);
  }
}

const lookAgainMs = 20;
const maximumLooks = 1500;

/**
 * States once no launch is under way any more: the keeper goes on with what a dead client asked for. Looks again and again, because
 * a launch that fails is told to that client only.
 */
async function settledStates(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<ReadonlyMap<string, KeeperState>> {
  let states = await keeperStates(context, records);
  for (let looks = 0; looks < maximumLooks; looks += 1) {
    if (![...states.values()].some(({ status }) => status === 'starting')) break;
    await context.clock.sleep(lookAgainMs);
    states = await keeperStates(context, records);
  }
  return states;
}

/** The process that had frozen these for a moment is gone. */
async function unfreeze(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  const states = await keeperStates(context, records);
  for (const record of records) {
    if (states.get(record.id)?.status !== 'paused') continue;
    const keeper = await context.keepers.running(record.run?.keeper ?? 0);
    await keeper?.containers.freeze(record.id, false);
  }
}

/** Nobody waits for this container any more: at its end the keeper calls the reconcile process. */
async function handOver(context: EngineContext, record: ContainerRecord): Promise<void> {
  const keeper = await context.keepers.running(record.run?.keeper ?? 0);
  await keeper?.containers.supervise(record.id, compileContainer(context, record).supervise);
}

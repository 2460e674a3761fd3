import { WarrenError } from '../../../base/errors.js';
import type { Launched } from '../../../host/port.js';
import type { ContainerRecord } from '../../../model/container.js';
import type { RunningProcess } from '../../../model/exec.js';
import { canStart, isLive, requireStatus } from '../../../model/status.js';
import { runBatch } from '../../batch.js';
import type { EngineContext } from '../../context.js';
import type { BatchOptions, BatchResult, RunOptions } from '../../contract.js';
import { launchContainer, type LaunchWishes } from '../../launch/launch-container.js';
import { LaunchTracer } from '../../launch/trace.js';
import { claimingPorts } from '../../networks/ports/ports.js';
import { type LockedContainer, withContainerLock } from '../../state/container-lock.js';
import { forget } from '../../state/forget.js';
import { readState } from '../../state/read-states.js';
import { attachedProcess, attachWishes } from './attached-process.js';
import { startedRecord } from './run.js';

export type StartWishes = Omit<LaunchWishes, 'fence' | 'tracer'>;

/** Starts existing containers; one that runs already is left alone, as in Docker. */
export async function startContainers(
  context: EngineContext,
  references: readonly string[],
  options: BatchOptions = {},
): Promise<readonly BatchResult[]> {
  const { signal } = options;
  return await runBatch<void>(context, references, {
    name: 'start',
    options,
    work: async (record) => {
      await startContainer(context, record, { signal });
    },
  });
}

/**
 * Starts a container with the streams of its process.
 * @throws WarrenError conflict (CONTAINER_RUNNING) when it runs already: attach to it instead
 */
export async function startAttached(
  context: EngineContext,
  record: ContainerRecord,
  options: RunOptions = {},
): Promise<RunningProcess> {
  const { attach = {}, dieWithOwner, signal } = options;
  const launched = await startContainer(context, record, {
    ...attachWishes(record, attach),
    signal,
    ...(dieWithOwner === undefined ? {} : { ownerBound: dieWithOwner }),
  });
  if (launched === null) {
    throw new WarrenError(
      'conflict',
      'CONTAINER_RUNNING',
      `Cannot start container ${record.name} with its streams: it runs already`,
      { hint: 'Attach to it instead' },
    );
  }
  return attachedProcess(context, record, { launched });
}

/** Returns null when it runs already. */
export async function startContainer(
  context: EngineContext,
  container: ContainerRecord,
  wishes: StartWishes,
): Promise<Launched | null> {
  return await withContainerLock(context, container, {
    operation: 'start',
    signal: wishes.signal,
    work: async (locked) => {
      const { status } = await readState(context, locked.record);
      if (isLive(status) || status === 'restarting') return null;
      return await launchLocked(context, locked, wishes);
    },
  });
}

/**
 * Starts a container under its lock. The record says `started` before the launch, and an intent that somebody is at it; a
 * failed launch puts the record back.
 */
export async function launchLocked(
  context: EngineContext,
  { record, fence }: LockedContainer,
  wishes: StartWishes,
): Promise<Launched> {
  // Seen under the lock: an end that only the keeper knew is committed by now.
  const current = context.records.containers.get(record.id) ?? record;
  requireStartable(context, current);
  const { onTrace } = context.settings;
  const tracer = onTrace === undefined ? undefined : new LaunchTracer(record.id, onTrace);
  const intent = await context.records.intents.begin({
    ...context.self,
    operation: 'start',
    subjects: [record.id],
  });
  try {
    await forget(context, [current]);
    const started = await beginRun(context, startedRecord(context, current), fence);
    tracer?.step('record');
    const launched = await launchContainer(context, started, { ...wishes, fence, tracer });
    tracer?.end();
    return launched;
  } catch (error) {
    await context.records.containers.change([record.id], fence, (found) => ({
      ...current,
      fence: found.fence,
      run: current.run,
    }));
    throw error;
  } finally {
    await context.records.intents.end(intent);
  }
}

/** Stores the record of a new run, with its ports. */
async function beginRun(
  context: EngineContext,
  started: ContainerRecord,
  fence: bigint,
): Promise<ContainerRecord> {
  return await claimingPorts(context, [started], async ([wanted = started]) => {
    await context.records.containers.change([wanted.id], fence, () => wanted);
    return wanted;
  });
}

function requireStartable(context: EngineContext, record: ContainerRecord): void {
  const status = record.phase === 'started' ? 'exited' : record.phase;
  if (!canStart(status)) requireStatus('start', status, record.name);
  // Joined namespaces are found by the keeper when it launches; a missing container is an error of the user now.
  for (const mode of [record.spec.network, record.spec.pid, record.spec.ipc]) {
    if (mode.startsWith('container:')) {
      context.records.containers.resolve(mode.slice('container:'.length));
    }
  }
}

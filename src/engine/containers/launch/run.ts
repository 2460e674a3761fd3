import { throwIfAborted } from '../../../base/abort.js';
import { Semaphore } from '../../../base/limit.js';
import type { Launched } from '../../../host/port.js';
import type { ContainerRecord } from '../../../model/container.js';
import { failure, inFlight, shareSignal } from '../../batch.js';
import type { EngineContext } from '../../context.js';
import type { BatchResult, StartNewOptions } from '../../contract.js';
import { cgroupPathOf } from '../../launch/cgroup-path.js';
import { launchContainer, type LaunchWishes } from '../../launch/launch-container.js';
import { LaunchTracer } from '../../launch/trace.js';
import {
  canceledResults,
  createChunk,
  type CreatedChunk,
  draftAll,
  rampedChunks,
} from './create.js';
import { discardContainer } from './discard.js';
import { endLaunch } from './end-launch.js';
import { Drafts, type NewContainer } from './draft.js';

/** No lock: nobody else can name a container before `run` has told its id, and its name is new. */
const noLock = 0n;

export interface RunRequest extends StartNewOptions {
  readonly ownerBound?: boolean;
}

export interface Running {
  readonly record: ContainerRecord;
  readonly launched: Launched;
}

/**
 * Creates and starts containers. Chunks overlap: while the keeper launches one, the next is prepared. A container whose
 * launch fails is undone as a whole; so is, at the next open, what a crash of this process leaves. When the signal fires, what runs goes on and the
 * rest has the result canceled.
 */
export async function runContainers(
  context: EngineContext,
  news: readonly NewContainer[],
  request: RunRequest = {},
): Promise<readonly BatchResult<Running>[]> {
  const drafts = new Drafts(context, request);
  const gate = new Semaphore(inFlight);
  const pending: Promise<readonly BatchResult<Running>[]>[] = [];
  const progress = counter(request, news.length);
  shareSignal(request.signal);
  for (const chunk of rampedChunks(news)) {
    // At most two chunks under way: the one at the keeper and the one that is prepared.
    await pending.at(-2);
    if (request.signal?.aborted === true) {
      pending.push(Promise.resolve(canceledResults(chunk, request.signal)));
      continue;
    }
    const created = await createChunk(context, await draftAll(drafts, chunk), {
      operation: 'run',
      begin: (record) => startedRecord(context, record),
    });
    pending.push(launchChunk(context, created, { ...request, gate, progress }));
    // Errors surface where the results are collected, also when a later chunk fails first.
    pending.at(-1)?.catch(() => undefined);
  }
  return (await Promise.all(pending)).flat();
}

interface ChunkLaunch extends RunRequest {
  readonly gate: Semaphore;
  readonly progress: () => void;
}

async function launchChunk(
  context: EngineContext,
  created: CreatedChunk,
  request: ChunkLaunch,
): Promise<readonly BatchResult<Running>[]> {
  const results = await Promise.all(
    created.results.map(async (result): Promise<BatchResult<Running>> => {
      if (!result.ok) return result;
      return await request.gate.run(async () => launchOne(context, result.value, request));
    }),
  );
  // What could not be undone keeps its intent: the next engine that opens tries again.
  const left = results.some((result) => !result.ok && result.error.cause instanceof AggregateError);
  if (!left) context.records.intents.endSoon(created.intent);
  return results;
}

async function launchOne(
  context: EngineContext,
  record: ContainerRecord,
  request: ChunkLaunch,
): Promise<BatchResult<Running>> {
  const base = { reference: record.name, id: record.id, name: record.name };
  try {
    const launched = await launchNew(context, record, {
      ownerBound: request.ownerBound,
      signal: request.signal,
      onCreated: request.onCreated,
    });
    return { ok: true, ...base, value: { record, launched } };
  } catch (error) {
    return failure(record.name, error);
  } finally {
    request.progress();
  }
}

export interface NewLaunch extends Omit<LaunchWishes, 'fence' | 'tracer'> {
  readonly onCreated?: StartNewOptions['onCreated'] | undefined;
}

/** Launches a container that was just created, or leaves nothing of it. */
export async function launchNew(
  context: EngineContext,
  record: ContainerRecord,
  { onCreated, ...wishes }: NewLaunch,
): Promise<Launched> {
  const { onTrace } = context.settings;
  const tracer = onTrace === undefined ? undefined : new LaunchTracer(record.id, onTrace);
  try {
    throwIfAborted(wishes.signal, `start container ${record.name}`);
    onCreated?.(record);
    const launched = await launchContainer(context, record, { ...wishes, fence: noLock, tracer });
    tracer?.end();
    return launched;
  } catch (error) {
    await undoLaunch(context, record, error);
    throw error;
  }
}

/** @throws AggregateError of the launch's error and the undo's, when something is left */
async function undoLaunch(
  context: EngineContext,
  record: ContainerRecord,
  error: unknown,
): Promise<void> {
  try {
    await endLaunch(context, record);
    await discardContainer(context, record);
  } catch (undoError) {
    throw new AggregateError([error, undoError], `Cannot undo the start of ${record.name}`);
  }
}

/** As it is stored before its first launch. */
export function startedRecord(context: EngineContext, record: ContainerRecord): ContainerRecord {
  const keeper = context.keepers.launching;
  return {
    ...record,
    // The keeper, the engine's parent, or what limits ask for, may be another one than at the last start.
    cgroupPath: cgroupPathOf(context, record, keeper),
    phase: 'started',
    stoppedByUser: false,
    run: {
      keeper,
      bootId: context.facts.bootId,
      generation: (record.run?.generation ?? 0) + 1,
      startedAtMs: context.clock.now(),
    },
  };
}

function counter({ onProgress }: RunRequest, total: number): () => void {
  let done = 0;
  return () => {
    done += 1;
    onProgress?.({ kind: 'count', name: 'run', done, total });
  };
}

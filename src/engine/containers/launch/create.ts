import { canceledError } from '../../../base/abort.js';
import { isWarrenError, WarrenError } from '../../../base/errors.js';
import { newId } from '../../../base/ids.js';
import { chunks, mapBounded } from '../../../base/limit.js';
import type { ContainerRecord } from '../../../model/container.js';
import type { Intent } from '../../../records/store.js';
import { failure } from '../../batch.js';
import type { EngineContext } from '../../context.js';
import type { BatchOptions, BatchResult } from '../../contract.js';
import { writeEtcFiles } from '../../launch/etc-files.js';
import { claimingPorts } from '../../networks/ports/ports.js';
import { containerEvent } from '../../observe/events/container-event.js';
import { allocatableIds, releaseUnusedIds } from '../../state/id-pool.js';
import { provideVolumes } from '../../storage/container-volumes.js';
import { chunkSize } from '../../batch.js';
import { discardContainer } from './discard.js';
import { Drafts, type NewContainer } from './draft.js';

/** File system work at one time; Node has four threads for it. */
const filesInFlight = 16;

/** The first chunk is small: the keeper gets work while the rest is prepared. */
const firstChunkSize = 32;

/** How a record begins; `run`'s are `started` before the launch. */
type Begin = (record: ContainerRecord) => ContainerRecord;

export interface CreatedChunk {
  readonly results: readonly BatchResult<ContainerRecord>[];
  /** To be ended when nothing of it is to be undone any more. */
  readonly intent: string;
}

export interface ChunkRequest {
  readonly operation: Extract<Intent['operation'], 'create' | 'run' | 'build'>;
  readonly begin: Begin;
}

/** Creates containers without starting them: a result for each, in order. */
export async function createContainers(
  context: EngineContext,
  news: readonly NewContainer[],
  options: BatchOptions = {},
): Promise<readonly BatchResult<ContainerRecord>[]> {
  const drafts = new Drafts(context, options);
  const results: BatchResult<ContainerRecord>[] = [];
  for (const chunk of rampedChunks(news)) {
    if (options.signal?.aborted === true) {
      results.push(...canceledResults(chunk, options.signal));
      continue;
    }
    const created = await createChunk(context, await draftAll(drafts, chunk), {
      operation: 'create',
      begin: (record) => record,
    });
    await context.records.intents.end(created.intent);
    results.push(...created.results);
    options.onProgress?.({
      kind: 'count',
      name: 'create',
      done: results.length,
      total: news.length,
    });
  }
  return results;
}

/** Of containers that were not begun when the signal fired. */
export function canceledResults(
  news: readonly NewContainer[],
  signal: AbortSignal,
): readonly BatchResult<never>[] {
  return news.map(({ config, name }) =>
    failure(name === '' ? config.image : name, canceledError('run the container', signal)),
  );
}

/** Chunks that grow to their full size. */
export function rampedChunks<T>(items: readonly T[]): readonly T[][] {
  const first = items.slice(0, firstChunkSize);
  return first.length === 0 ? [] : [first, ...chunks(items.slice(firstChunkSize), chunkSize)];
}

export type Draft = ContainerRecord | Extract<BatchResult, { readonly ok: false }>;

export async function draftAll(drafts: Drafts, news: readonly NewContainer[]): Promise<Draft[]> {
  return await Promise.all(
    news.map(async (request) => {
      try {
        return await drafts.draft(request);
      } catch (error) {
        return failure(request.name === '' ? request.config.image : request.name, error);
      }
    }),
  );
}

function isRecord(draft: Draft): draft is ContainerRecord {
  return 'phase' in draft;
}

/**
 * Makes the records of a chunk, with the intent that announces them, and then their directories. What a crash leaves in
 * between is undone at the next open.
 */
export async function createChunk(
  context: EngineContext,
  drafts: readonly Draft[],
  request: ChunkRequest,
): Promise<CreatedChunk> {
  const records = drafts.filter(isRecord);
  const intent: Intent = {
    ...context.self,
    id: newId(),
    operation: request.operation,
    subjects: records.map(({ id }) => id),
  };
  const inserted = await insertAll(context, records.map(request.begin), intent);
  const made = await mapBounded(inserted, filesInFlight, async (result) =>
    isRecord(result) ? await prepare(context, result) : result,
  );
  context.journal.append(
    made.filter(isRecord).map((record) => containerEvent(context, record, { action: 'create' })),
  );
  const byId = new Map(records.map(({ id }, index) => [id, made[index]]));
  const results = drafts.map((draft): BatchResult<ContainerRecord> => {
    const result = isRecord(draft) ? byId.get(draft.id) : draft;
    if (result === undefined) throw new Error('Every draft has a result');
    return isRecord(result) ? success(result) : result;
  });
  return { results, intent: intent.id };
}

/** Makes a container's directories, or leaves nothing of it. */
async function prepare(context: EngineContext, record: ContainerRecord): Promise<Draft> {
  try {
    await context.storage.prepare(record.id);
    // Those of connected containers name others: they are written at every start.
    if (record.endpoints.length === 0) await writeEtcFiles(context, record);
    await provideVolumes(context, record);
    // Who removed it by its name meanwhile did not see the directories.
    if (context.records.containers.get(record.id) !== undefined) return record;
    throw new WarrenError(
      'conflict',
      'REMOVED_MEANWHILE',
      `Cannot create container ${record.name}: it was removed meanwhile`,
    );
  } catch (error) {
    await discardContainer(context, record);
    return failure(referenceOf(record), error);
  }
}

/** What one record cannot have says nothing of the others. */
const isOfOne: ReadonlySet<string> = new Set([
  'NAME_IN_USE',
  'ADDRESS_IN_USE',
  'NO_FREE_ADDRESS',
  'BRIDGE_FULL',
  'PORT_IN_USE',
  'NO_FREE_PORT',
]);

/** All in one transaction; when a name, an address or a port is taken, one by one, so that the others succeed. Results are in order. */
async function insertAll(
  context: EngineContext,
  records: readonly ContainerRecord[],
  intent: Intent,
): Promise<readonly Draft[]> {
  if (records.length === 0) return [];
  try {
    return await insert(context, records, intent);
  } catch (error) {
    if (!isWarrenError(error)) throw error;
    if (records.length > 1 && isOfOne.has(error.code)) {
      return (
        await mapBounded(records, 1, async (record) => insertAll(context, [record], intent))
      ).flat();
    }
    return records.map((record) => failure(referenceOf(record), error));
  }
}

/** Ranges of removed containers are checked and taken back only when the pool has no other left. */
async function insert(
  context: EngineContext,
  records: readonly ContainerRecord[],
  intent: Intent,
): Promise<readonly ContainerRecord[]> {
  return await claimingPorts(context, records, async (complete) => {
    const request = { records: complete, intent, idPool: allocatableIds(context) };
    try {
      return await context.records.containers.insert(request);
    } catch (error) {
      if (!isWarrenError(error, 'exhausted', 'ID_POOL_EXHAUSTED')) throw error;
      if ((await releaseUnusedIds(context)) === 0) throw error;
      return await context.records.containers.insert(request);
    }
  });
}

function success(record: ContainerRecord): BatchResult<ContainerRecord> {
  return {
    ok: true,
    reference: referenceOf(record),
    id: record.id,
    name: record.name,
    value: record,
  };
}

function referenceOf(record: ContainerRecord): string {
  return record.name === '' ? record.id : record.name;
}

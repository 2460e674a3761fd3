import { canceledError } from '../../base/abort.js';
import { isWarrenError } from '../../base/errors.js';
import { chunks, mapBounded } from '../../base/limit.js';
import type { ContainerRecord } from '../../model/container.js';
import type { Intent } from '../../records/store.js';
import { failure } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchOptions, BatchResult } from '../contract.js';
import { etcFilesOf } from '../launch/etc-files.js';
import { containerEvent } from '../observe/container-event.js';
import { allocatableIds, releaseUnusedIds } from '../state/id-pool.js';
import { releaseVolumes, provideVolumes } from '../storage/container-volumes.js';
import { chunkSize } from '../batch.js';
import { Drafts, type NewContainer } from './draft.js';

/** File system work at one time; Node has four threads for it. */
const filesInFlight = 16;

/** The first chunk is small: the keeper gets work while the rest is prepared. */
const firstChunkSize = 32;

/** How a record begins; `run`'s are `started` before the launch. */
type Begin = (record: ContainerRecord) => ContainerRecord;

export interface CreatedChunk {
  readonly results: readonly BatchResult<ContainerRecord>[];
  /** Ends what the intent announced. */
  readonly settled: () => Promise<void>;
}

export interface ChunkRequest {
  readonly operation: Extract<Intent['operation'], 'create' | 'run'>;
  readonly begin: Begin;
}

/** Creates containers without starting them: a result for each, in order. */
export async function createContainers(
  context: EngineContext,
  news: readonly NewContainer[],
  options: BatchOptions = {},
): Promise<readonly BatchResult<ContainerRecord>[]> {
  const drafts = new Drafts(context);
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
    await created.settled();
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
 * Makes the directories and the records of a chunk. The intent comes first: what a crash leaves in between has no record
 * and is removed at the next open.
 */
export async function createChunk(
  context: EngineContext,
  drafts: readonly Draft[],
  request: ChunkRequest,
): Promise<CreatedChunk> {
  const records = drafts.filter(isRecord);
  const intent = await context.records.intents.begin({
    ...context.self,
    operation: request.operation,
    subjects: records.map(({ id }) => id),
  });
  const settled = async (): Promise<void> => {
    await context.records.intents.end(intent);
  };
  const made = await mapBounded(records, filesInFlight, async (record) => prepare(context, record));
  const inserted = await insertAll(context, made.filter(isRecord), request.begin);
  const byId = new Map(inserted.map((result) => [result.id, result.result]));
  const failed = new Map(records.map((record, index) => [record.id, made[index]] as const));
  context.journal.append(
    inserted.flatMap(({ result }) =>
      result.ok ? [containerEvent(context, result.value, { action: 'create' })] : [],
    ),
  );
  const results = drafts.map((draft): BatchResult<ContainerRecord> => {
    if (!isRecord(draft)) return draft;
    const result = byId.get(draft.id) ?? failed.get(draft.id);
    if (result === undefined || 'phase' in result) throw new Error('Every draft has a result');
    return result;
  });
  return { results, settled };
}

/** Links need addresses: files of connected containers are written again when they start. */
const noLinks = (reference: string): never => {
  throw new Error(`Container ${reference} is linked before it has an address`);
};

async function prepare(context: EngineContext, record: ContainerRecord): Promise<Draft> {
  try {
    await context.storage.prepare(record.id);
    if (record.endpoints.length === 0)
      await context.storage.writeFiles(record.id, etcFilesOf(record, noLinks));
    await provideVolumes(context, record);
    return record;
  } catch (error) {
    await discardFiles(context, record);
    return failure(referenceOf(record), error);
  }
}

/** Undoes the preparation of a container that has no record. */
async function discardFiles(context: EngineContext, record: ContainerRecord): Promise<void> {
  await releaseVolumes(context, record);
  await context.storage.remove(record.id);
}

/** What one record cannot have says nothing of the others. */
const isOfOne: ReadonlySet<string> = new Set([
  'NAME_IN_USE',
  'ADDRESS_IN_USE',
  'NO_FREE_ADDRESS',
  'BRIDGE_FULL',
]);

interface Inserted {
  readonly id: string;
  readonly result: BatchResult<ContainerRecord>;
}

/** All in one transaction; when a name or an address is taken, one by one, so that the others succeed. */
async function insertAll(
  context: EngineContext,
  records: readonly ContainerRecord[],
  begin: Begin,
): Promise<readonly Inserted[]> {
  if (records.length === 0) return [];
  try {
    const inserted = await insert(context, records.map(begin));
    return inserted.map((record) => ({ id: record.id, result: success(record) }));
  } catch (error) {
    const [only] = records;
    if (records.length > 1 && isWarrenError(error) && isOfOne.has(error.code)) {
      return (
        await mapBounded(records, 1, async (record) => insertAll(context, [record], begin))
      ).flat();
    }
    for (const record of records) await discardFiles(context, record);
    if (only === undefined || !isWarrenError(error)) throw error;
    return records.map((record) => ({
      id: record.id,
      result: failure(referenceOf(record), error),
    }));
  }
}

/** Ranges of removed containers are checked and taken back only when the pool has no other left. */
async function insert(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<readonly ContainerRecord[]> {
  const request = { records, idPool: allocatableIds(context) };
  try {
    return await context.records.containers.insert(request);
  } catch (error) {
    if (!isWarrenError(error, 'exhausted', 'ID_POOL_EXHAUSTED')) throw error;
    if ((await releaseUnusedIds(context)) === 0) throw error;
    return await context.records.containers.insert(request);
  }
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

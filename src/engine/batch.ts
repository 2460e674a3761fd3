import { setMaxListeners } from 'node:events';
import { throwIfAborted } from '../base/abort.js';
import { diskFull, isDiskFull } from '../base/disk-full.js';
import { WarrenError } from '../base/errors.js';
import { mapBounded } from '../base/limit.js';
import type { ContainerRecord } from '../model/container.js';
import type { EngineContext } from './context.js';
import type { BatchOptions, BatchResult } from './contract.js';

/** Requests under way at the keeper at one time: enough to keep it busy, few enough to bound memory. */
export const inFlight = 256;

/** The same for what the keeper answers at once; less than it allows one client (docs/keeper-protocol.md). */
export const signalsInFlight = 16_384;

/** Records written in one transaction. */
export const chunkSize = 500;

interface BatchWork<T> {
  /** `stop`: for messages and progress. */
  readonly name: string;
  readonly options: BatchOptions;
  /** Done at one time. @default inFlight */
  readonly concurrency?: number;
  readonly work: (record: ContainerRecord) => Promise<T>;
}

/** Does `work` for each reference; one failure does not stop the others. */
export async function runBatch<T>(
  context: EngineContext,
  references: readonly string[],
  { name, options, concurrency = inFlight, work }: BatchWork<T>,
): Promise<readonly BatchResult<T>[]> {
  let done = 0;
  shareSignal(options.signal);
  return await mapBounded(references, concurrency, async (reference): Promise<BatchResult<T>> => {
    const result = await settle(reference, async () => {
      throwIfAborted(options.signal, `${name} container ${reference}`);
      const record = context.records.containers.resolve(reference);
      const value = await work(record);
      return { id: record.id, name: record.name, value };
    });
    done += 1;
    options.onProgress?.({ kind: 'count', name, done, total: references.length });
    return result;
  });
}

/** Hundreds of requests listen to the signal of one batch: that is no leak. */
export function shareSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined) setMaxListeners(0, signal);
}

async function settle<T>(
  reference: string,
  work: () => Promise<{ readonly id: string; readonly name: string; readonly value: T }>,
): Promise<BatchResult<T>> {
  try {
    return { ok: true, reference, ...(await work()) };
  } catch (error) {
    return failure(reference, error);
  }
}

export function failure(
  reference: string,
  error: unknown,
): Extract<BatchResult, { readonly ok: false }> {
  return { ok: false, reference, error: asWarrenError(error) };
}

/** Programmer errors and system errors get a kind at this border; the original is the cause. */
export function asWarrenError(error: unknown): WarrenError {
  if (error instanceof WarrenError) return error;
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  if (first instanceof WarrenError) {
    const { kind, code, message, details, hint } = first;
    const rest = { details, cause: error, ...(hint === undefined ? {} : { hint }) };
    return new WarrenError(kind, code, message, rest);
  }
  if (isDiskFull(error)) return diskFull('finish the operation', 'the data root', error);
  const message = error instanceof Error ? error.message : String(error);
  return new WarrenError('internal', 'INTERNAL', message, { cause: error });
}

/** The value of a batch of one, or its error. */
export function single<T>(results: readonly BatchResult<T>[]): T {
  const [result] = results;
  if (result === undefined) throw new Error('A batch of one has no result');
  if (!result.ok) throw result.error;
  return result.value;
}

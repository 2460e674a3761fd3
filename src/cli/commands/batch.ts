import type { BatchOptions, BatchResult, EngineApi } from '../../engine/contract.js';
import type { CommandContext } from '../context.js';
import { exitCodes } from '../exit-code.js';
import { errorObject, reportFailures } from '../report-error.js';

/** One call for many containers. */
export type BatchCall<T> = (
  engine: EngineApi,
  options: BatchOptions,
) => Promise<readonly BatchResult<T>[]>;

/** Runs a call for many containers, with progress and the user's wish to end it. */
export async function callBatch<T>(
  context: CommandContext,
  call: BatchCall<T>,
): Promise<readonly BatchResult<T>[]> {
  const engine = await context.engine();
  return context.withProgress(({ report }) =>
    call(engine, { signal: context.signal, onProgress: report }),
  );
}

export interface BatchView<T> {
  /** The line for a success. @default the reference as the user wrote it */
  readonly line?: (result: Extract<BatchResult<T>, { readonly ok: true }>) => string;
}

/** Prints a line for each success and an error for each failure; the exit code. */
export function printBatch<T>(
  { output }: CommandContext,
  results: readonly BatchResult<T>[],
  view: BatchView<T> = {},
): number {
  if (output.json) {
    const objects = results.map((result) =>
      result.ok
        ? { ok: true, reference: result.reference, id: result.id, name: result.name }
        : { ok: false, reference: result.reference, error: errorObject(result.error) },
    );
    output.lines(objects.map((object) => JSON.stringify(object)));
    return results.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failure;
  }
  const { line = ({ reference }) => reference } = view;
  output.lines(results.filter((result) => result.ok).map(line));
  return reportFailures(output, results) ? exitCodes.failure : exitCodes.ok;
}

/** The usual command for many containers: the call, then a line or an error for each. */
export async function runBatch<T>(context: CommandContext, call: BatchCall<T>): Promise<number> {
  return printBatch(context, await callBatch(context, call));
}

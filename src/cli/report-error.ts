import { isWarrenError, type WarrenError } from '../base/errors.js';
import type { Output } from './output.js';
import { printable } from './render/printable.js';

/** An error as an object: what `--json` prints. */
export function errorObject(error: unknown): Readonly<Record<string, unknown>> {
  if (!isWarrenError(error))
    return { kind: 'internal', code: 'INTERNAL', message: messageOf(error) };
  const { kind, code, message, hint, details } = error;
  return {
    kind,
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(Object.keys(details).length > 0 ? { details } : {}),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describe(error: unknown): { readonly message: string; readonly hint: string | undefined } {
  if (isWarrenError(error)) return error;
  return {
    message: `Internal error: ${messageOf(error)}`,
    hint: 'This is a fault in Warren: WARREN_DEBUG=1 shows where, and `warren doctor --bundle FILE` collects what a report needs',
  };
}

function causes(error: unknown): string[] {
  const lines: string[] = [];
  for (let next: unknown = error; next instanceof Error; next = next.cause)
    lines.push(next.stack ?? next.message);
  return lines;
}

/**
 * The one place that prints errors: `warren: message`, and a second line that says what to do. With
 * WARREN_DEBUG the stacks of the error and its causes follow.
 */
export function reportError(output: Output, error: unknown): void {
  if (output.json) {
    output.note(JSON.stringify({ error: errorObject(error) }));
    return;
  }
  const { message, hint } = describe(error);
  output.note(`${output.paintError('red', 'warren:')} ${printable(message)}`);
  if (hint !== undefined) output.note(output.paintError('dim', `  ${printable(hint)}`));
  if ((process.env['WARREN_DEBUG'] ?? '') !== '')
    causes(error).forEach((line) => output.note(line));
}

/** Of a batch that fails as a whole, so many errors say enough. */
const shownFailures = 10;

type BatchOutcome = { readonly ok: true } | { readonly ok: false; readonly error: WarrenError };

/** Reports the errors of a batch, all of them as JSON; true when there was one. */
export function reportFailures(output: Output, results: readonly BatchOutcome[]): boolean {
  const errors = results.flatMap((result) => (result.ok ? [] : [result.error]));
  const shown = output.json ? errors : errors.slice(0, shownFailures);
  for (const error of shown) reportError(output, error);
  const left = errors.length - shown.length;
  if (left > 0) output.note(`warren: ${left} more failed; --json shows all`);
  return errors.length > 0;
}

import type { EngineApi } from '../../engine/contract.js';
import type { CommandContext } from '../context.js';
import { exitCodes } from '../exit-code.js';
import { asText, value, type ValueOption } from '../program/option.js';
import { formatDocument } from '../render/format.js';
import { reportError } from '../report-error.js';
import { withMapFields } from '../views/map-fields.js';

export const inspectFormatOption: ValueOption<string> = value(
  '-f, --format <format>',
  'json or a Go template',
  {
    parse: asText,
    complete: ['json'],
  },
);

export interface Inspection {
  readonly names: readonly string[];
  readonly format: string | undefined;
  readonly inspect: (engine: EngineApi, name: string) => Promise<object>;
}

/**
 * Prints the documents of several objects: one JSON list, or a line for each with a format. Those that
 * cannot be shown are reported at the end.
 */
export async function printInspected(
  context: CommandContext,
  { names, format, inspect }: Inspection,
): Promise<number> {
  const { output } = context;
  const engine = await context.engine();
  const documents: object[] = [];
  const errors: unknown[] = [];
  for (const name of names) {
    try {
      documents.push(await inspect(engine, name));
    } catch (error) {
      errors.push(error);
    }
  }
  const chosen = format ?? (output.json ? 'json' : undefined);
  if (chosen === undefined) output.line(formatDocument(documents, undefined));
  else output.lines(documents.map((document) => formatDocument(withMapFields(document), chosen)));
  for (const error of errors) reportError(output, error);
  return errors.length === 0 ? exitCodes.ok : exitCodes.failure;
}

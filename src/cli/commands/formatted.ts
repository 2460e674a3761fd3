import type { Output } from '../output.js';
import { asText, flag, value, type FlagOption, type ValueOption } from '../program/option.js';
import { formatList, type ListView } from '../render/format.js';
import { printable } from '../render/printable.js';

export const formatOption: ValueOption<string> = value(
  '--format <format>',
  'table, json, a Go template, or "table TEMPLATE"',
  {
    parse: asText,
    defaultText: 'table',
    complete: ['table', 'json'],
  },
);

export const noTruncOption: FlagOption = flag('--no-trunc', 'Show values in full');

/** Prints a list: `--format` as given, one JSON object a line with `--json`, else a table. */
export function printList<T>(
  output: Output,
  view: ListView<T>,
  list: { readonly items: readonly T[]; readonly format: string | undefined },
): void {
  const format = list.format ?? (output.json ? 'json' : 'table');
  const lines = formatList(view, list.items, format);
  // Names and labels are chosen by others; a template's own line breaks are wanted.
  output.lines(format.includes('{{') ? lines : lines.map(printable));
}

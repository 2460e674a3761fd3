import { compileTemplate } from '../template/template.js';
import { tableLines } from './table.js';

/** How a list is shown: one object per row, whose fields `--format` may name. */
export interface ListView<T> {
  /** Heading of each field. */
  readonly headings: Readonly<Record<string, string>>;
  /** Fields of the default table, in order. */
  readonly columns: readonly string[];
  /** The row's fields; values are strings but where a template wants more. */
  readonly row: (item: T) => Readonly<Record<string, unknown>>;
}

/** In a table's heading these give the heading itself. */
const headingFunctions = {
  json: (value: unknown) => value,
  split: (value: unknown) => value,
  join: (value: unknown) => value,
  title: (value: unknown) => value,
  lower: (value: unknown) => value,
  upper: (value: unknown) => value,
};

/** On a command line `\t` and `\n` are easier to write than the characters. */
function withEscapes(format: string): string {
  return format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

function defaultTable<T>(view: ListView<T>, items: readonly T[]): string[] {
  const headings = view.columns.map((column) => view.headings[column] ?? column);
  const rows = items.map((item) => {
    const row = view.row(item);
    return view.columns.map((column) => String(row[column] as string));
  });
  return tableLines([headings, ...rows]);
}

function templateTable<T>(view: ListView<T>, items: readonly T[], format: string): string[] {
  const template = compileTemplate(format);
  const label = (): string => '';
  const heading = template({ ...view.headings, Label: label }, headingFunctions);
  const rows = items.map((item) => template(view.row(item)));
  return tableLines([heading, ...rows].map((line) => line.split('\t')));
}

/** JSON of a row: functions and undefined fields are left out. */
function jsonLine(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(row);
}

/**
 * Lines of a list for `--format FORMAT`: `table` (the default), `table TEMPLATE`, `json` (one object per
 * line) or a template for each row. Throws invalidArgument (BAD_TEMPLATE).
 */
export function formatList<T>(view: ListView<T>, items: readonly T[], format = 'table'): string[] {
  if (format === 'table') return defaultTable(view, items);
  if (format === 'json') return items.map((item) => jsonLine(view.row(item)));
  const text = withEscapes(format);
  if (text.startsWith('table '))
    return templateTable(view, items, text.slice('table '.length).trimStart());
  const template = compileTemplate(text);
  return items.map((item) => template(view.row(item)));
}

/** The text of one document for `--format`: `json` or a template; undefined: indented JSON. */
export function formatDocument(document: unknown, format: string | undefined): string {
  if (format === undefined) return JSON.stringify(document, undefined, 4);
  if (format === 'json') return JSON.stringify(document);
  return compileTemplate(withEscapes(format))(document);
}

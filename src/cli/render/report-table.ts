import type { ReportTable } from '../../density/report/table.js';
import type { Paint } from './colour.js';
import { printable } from './printable.js';
import { tableLines } from './table.js';

/** A table of a density report as lines of a terminal. */
export function reportTableLines(
  { title, columns, rows, note }: ReportTable,
  paint: Paint,
): string[] {
  const cells = [columns, ...rows].map((row) => row.map(printable));
  return [
    paint('bold', title),
    ...tableLines(cells).map((line) => `  ${line}`.trimEnd()),
    ...(note === undefined ? [] : [`  (${printable(note)})`]),
    '',
  ];
}

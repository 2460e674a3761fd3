import { readFileSync } from 'node:fs';
import { errnoOf, WarrenError } from '../../../base/errors.js';
import { compareReports, parseReport } from '../../../density/report/compare.js';
import type { DensityReport } from '../../../density/report/document.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { printable } from '../../render/printable.js';
import { reportTableLines } from '../../render/report-table.js';

function readReport(path: string): DensityReport {
  return parseReport(readText(path), path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new WarrenError('notFound', errno, `Cannot read ${path}: ${errno}`, { cause: error });
  }
}

export const command: CommandDefinition = defineCommand({
  description:
    'Compares two reports that `warren density --json` wrote: each figure, its ratio, and what else differs between the runs.',
  arguments: [argument('A', 'file'), argument('B', 'file')],
  options: {},
  examples: [
    { command: 'warren density compare before.json after.json', what: 'What a change did' },
  ],
  run: async ({ output }, { args: [first = '', second = ''] }) => {
    const comparison = compareReports(readReport(first), readReport(second));
    if (output.json) {
      output.object(comparison);
      return;
    }
    output.lines(reportTableLines(comparison.table, output.paint));
    if (comparison.differences.length === 0) output.line('The runs differ in nothing else');
    for (const difference of comparison.differences) output.line(printable(difference));
  },
});

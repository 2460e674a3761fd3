import type { DensityReport } from './document.js';
import { summaryOf, tablesOf } from './rows.js';
import type { ReportTable } from './table.js';

/** The report for pasting: headline, cautions, tables. */
export function markdownOf(report: DensityReport): string {
  const { host, failures, cautions, startedAt } = report;
  const lines = [
    `## Density: ${summaryOf(report)}`,
    '',
    `${startedAt}, Warren ${host.warren}, Linux ${host.kernel}, ${host.cpus} CPUs (${host.cpuModel}), ${Math.round(host.memoryBytes / 2 ** 30)} GiB, cgroups ${host.cgroups}.`,
    '',
    ...failures.map((failure) => `- **Failed**: ${failure}`),
    ...cautions.map((caution) => `- Caution: ${caution}`),
    ...tablesOf(report).flatMap((table) => ['', ...markdownTable(table)]),
  ];
  return `${lines.join('\n')}\n`;
}

function markdownTable({ title, columns, rows, note }: ReportTable): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(line),
    ...(note === undefined ? [] : ['', `*${note}*`]),
  ];
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').trim();
}

import { WarrenError } from '../../base/errors.js';
import { significant } from '../figures/promises.js';
import { schemaName, type DensityReport, type Headline } from './document.js';
import type { ReportTable } from './table.js';

/** Two runs side by side. */
export interface Comparison {
  readonly table: ReportTable;
  /** What differs between them beside the figures. */
  readonly differences: readonly string[];
}

interface Figure {
  readonly name: string;
  readonly key: keyof Headline;
  readonly unit: string;
  readonly divisor: number;
  /** Larger is better. */
  readonly rising: boolean;
  /** As a multiple of the raw control's, where both runs have one. */
  readonly control: ((report: DensityReport) => number) | null;
}

const meanLaunch = ({ control }: DensityReport): number =>
  control === null ? 0 : (control.before.launch.each.p50Ms + control.after.launch.each.p50Ms) / 2;
const meanRate = ({ control }: DensityReport): number =>
  control === null ? 0 : (control.before.launch.perSecond + control.after.launch.perSecond) / 2;
const meanExec = ({ control }: DensityReport): number =>
  control === null ? 0 : (control.before.exec.each.p50Ms + control.after.exec.each.p50Ms) / 2;

const figures: readonly Figure[] = [
  { name: 'launched', key: 'launched', unit: '', divisor: 1, rising: true, control: null },
  {
    name: 'launches',
    key: 'launchesPerSecond',
    unit: '/s',
    divisor: 1,
    rising: true,
    control: meanRate,
  },
  {
    name: 'launch p50',
    key: 'launchP50Ms',
    unit: ' ms',
    divisor: 1,
    rising: false,
    control: meanLaunch,
  },
  { name: 'launch p99', key: 'launchP99Ms', unit: ' ms', divisor: 1, rising: false, control: null },
  {
    name: 'memory each',
    key: 'bytesPerContainer',
    unit: ' KiB',
    divisor: 1024,
    rising: false,
    control: null,
  },
  { name: 'exec p50', key: 'execP50Ms', unit: ' ms', divisor: 1, rising: false, control: meanExec },
  { name: 'kill', key: 'killPerSecond', unit: '/s', divisor: 1, rising: true, control: null },
  { name: 'reclaim', key: 'reclaimPerSecond', unit: '/s', divisor: 1, rising: true, control: null },
  {
    name: 'list, library',
    key: 'listLibraryMs',
    unit: ' ms',
    divisor: 1,
    rising: false,
    control: null,
  },
  {
    name: 'list, command line',
    key: 'listCommandLineMs',
    unit: ' ms',
    divisor: 1,
    rising: false,
    control: null,
  },
];

/**
 * Reads what `--json` wrote.
 * @throws WarrenError invalidArgument (NOT_A_REPORT, OTHER_SCHEMA)
 */
export function parseReport(text: string, name: string): DensityReport {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw notAReport(name, error);
  }
  if (typeof parsed !== 'object' || parsed === null || !('schema' in parsed))
    throw notAReport(name);
  const { schema } = parsed;
  if (schema !== schemaName) {
    throw new WarrenError(
      'invalidArgument',
      'OTHER_SCHEMA',
      `Cannot compare ${name}: its schema is ${String(schema)}, this version reads ${schemaName}`,
      { hint: 'Measure again with this version' },
    );
  }
  return parsed as unknown as DensityReport;
}

function notAReport(name: string, cause?: unknown): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'NOT_A_REPORT',
    `Cannot read ${name}: it is no density report`,
    {
      hint: 'Write one with: warren density --json FILE',
      cause,
    },
  );
}

/** What a figure became from the first report to the second. */
export function compareReports(first: DensityReport, second: DensityReport): Comparison {
  return {
    table: {
      title: 'From A to B',
      columns: ['', 'A', 'B', 'B / A', 'A / control', 'B / control', ''],
      rows: figures.map((figure) => rowOf(figure, first, second)),
      note: 'better or worse is only said when B lies outside of the spread of A’s repeats and by more than a tenth; a multiple of the raw control is comparable across machines, an absolute time is not',
    },
    differences: differencesOf(first, second),
  };
}

/** Within this share two figures are called alike: two runs of the same thing differ by as much. */
const alike = 0.1;

function rowOf(figure: Figure, first: DensityReport, second: DensityReport): string[] {
  const { name, key, unit, divisor, rising, control } = figure;
  const [a, b] = [first.headline[key], second.headline[key]];
  const shown = (value: number): string => `${significant(value / divisor)}${unit}`;
  const ratio = a.median === 0 ? Number.NaN : b.median / a.median;
  const multiple = (report: DensityReport, value: number): string => {
    const base = control?.(report) ?? 0;
    return base === 0 ? '' : `${significant(value / base)} ×`;
  };
  const outside = b.median < a.least * (1 - alike) || b.median > a.most * (1 + alike);
  const verdict = !outside || Number.isNaN(ratio) ? '' : ratio > 1 === rising ? 'better' : 'worse';
  const ratioText = Number.isNaN(ratio) ? '' : `${significant(ratio)} ×`;
  return [
    name,
    shown(a.median),
    shown(b.median),
    ratioText,
    multiple(first, a.median),
    multiple(second, b.median),
    verdict,
  ];
}

function differencesOf(first: DensityReport, second: DensityReport): readonly string[] {
  const differences: string[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
    if (left !== right) differences.push(`${what}: ${left} and ${right}`);
  };
  for (const key of [
    'count',
    'image',
    'workload',
    'superblocks',
    'network',
    'arrival',
    'memoryBytes',
    'pidsLimit',
    'cpus',
  ] as const) {
    compare(key, first.scenario[key], second.scenario[key]);
  }
  for (const key of [
    'kernel',
    'cpuModel',
    'cpus',
    'memoryBytes',
    'cgroups',
    'warren',
    'node',
  ] as const) {
    compare(key, first.host[key], second.host[key]);
  }
  for (const [name, report] of [
    ['A', first],
    ['B', second],
  ] as const) {
    for (const caution of report.cautions) differences.push(`caution of ${name}: ${caution}`);
    for (const failure of report.failures) differences.push(`failure of ${name}: ${failure}`);
  }
  return differences;
}

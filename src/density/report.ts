import type { Latency } from './figures.js';
import type { ControlResult } from './peers/raw-control.js';
import { promisesOf, significant } from './promises.js';
import type { DensityReport } from './scenario.js';

const mebibyte = 1024 * 1024;
const kibibyte = 1024;

/** The report for a reader: what makes the figures comparable first, then the figures, then the promises. */
export function renderReport(report: DensityReport): string {
  const { scenario } = report;
  return [
    ...machineLines(report),
    `manifest: ${scenario.count} containers of the tiny image, default isolation, own network namespace, memory, pids and cpu limits, S = ${scenario.superblocks}`,
    '',
    ...table([['', 'p50', 'p90', 'p99', 'rate'], ...controlRows(report), ...launchRows(report)]),
    '',
    ...memoryLines(report),
    '',
    ...table([
      ['', 'promise', 'target', 'measured', ''],
      ...promisesOf(report).map(({ number, promise, target, measured, holds }) => [
        `${number}`,
        promise,
        target,
        measured,
        verdict(holds),
      ]),
    ]),
    '',
  ].join('\n');
}

function verdict(holds: boolean | null): string {
  if (holds === null) return 'not measurable here';
  return holds ? 'holds' : 'falls short';
}

function machineLines({ machine }: DensityReport): string[] {
  const { memoryCgroupBytes: mark } = machine;
  return [
    `machine: Linux ${machine.kernel}, ${machine.cpus} CPUs, ${Math.round(machine.memoryBytes / mebibyte)} MiB; load ${significant(machine.loadBefore)} before, ${significant(machine.loadAfter)} after`,
    `superblock mark: an empty memory cgroup takes ${mark === null ? 'an unknown amount' : `${significant(mark / kibibyte)} KiB`} (about 15 KiB on a fresh boot)`,
  ];
}

function memoryLines({ launch, control }: DensityReport): string[] {
  const { memory } = launch;
  const kib = (bytes: number): string => `${significant(bytes / kibibyte)} KiB`;
  const each = ({ memoryBytes, count }: ControlResult): string => kib(memoryBytes / count);
  return [
    `memory: ${kib(memory.bytesPerContainer)} for a container${control === null ? '' : ` (control: ${each(control.before.launch)} and ${each(control.after.launch)})`}`,
    `keeper: ${kib(memory.keeperBytes)} resident, ${kib(memory.keeperBytesPerContainer)} more for a container`,
    `this process: ${significant(launch.nodeCpuMs)} ms of CPU time for a launch`,
  ];
}

function controlRows({ control }: DensityReport): string[][] {
  if (control === null) return [];
  const row = (name: string, figures: ControlResult): string[] => [
    name,
    milliseconds(figures.p50Ms),
    milliseconds(figures.p90Ms),
    milliseconds(figures.p99Ms),
    perSecond(figures.perSecond),
  ];
  return [
    row('control, launch, before', control.before.launch),
    row('control, launch, after', control.after.launch),
    row('control, exec, before', control.before.exec),
    row('control, exec, after', control.after.exec),
  ];
}

function launchRows(report: DensityReport): string[][] {
  const { single, launch, list, exec, stats, kill, reclaim } = report;
  const steps = Object.entries(launch.steps).map(([name, step]) => latencyRow(`  ${name}`, step));
  return [
    latencyRow('launch, one at a time', single),
    latencyRow('launch, one call for all', launch.each, launch.perSecond),
    ...steps,
    latencyRow('exec, one at a time', exec),
    latencyRow(`list of ${list.listed}, library`, list.library),
    latencyRow(`list of ${list.listed}, command line`, list.commandLine),
    ['stats of all', '', '', '', perSecond(stats.perSecond)],
    ['kill all, acknowledged', '', '', '', perSecond(kill.perSecond)],
    ['kill all, reclaimed', '', '', '', perSecond(reclaim.perSecond)],
  ];
}

function latencyRow(name: string, latency: Latency, rate?: number): string[] {
  return [
    name,
    milliseconds(latency.p50Ms),
    milliseconds(latency.p90Ms),
    milliseconds(latency.p99Ms),
    rate === undefined ? '' : perSecond(rate),
  ];
}

function milliseconds(value: number): string {
  return `${significant(value)} ms`;
}

function perSecond(value: number): string {
  return `${significant(value)}/s`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

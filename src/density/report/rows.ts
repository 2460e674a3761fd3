import type { Distribution } from '../figures/histogram.js';
import { significant } from '../figures/promises.js';
import { bytesPerContainer } from '../figures/headline.js';
import type { DensityReport, RunFigures } from './document.js';
import { peerTables } from './peer-rows.js';
import { kibibytes, milliseconds, perSecond, type ReportTable } from './table.js';

function latencyRow(name: string, latency: Distribution, rate?: number): string[] {
  const { p50Ms, p90Ms, p99Ms, p999Ms, maximumMs } = latency;
  return [
    name,
    ...[p50Ms, p90Ms, p99Ms, p999Ms, maximumMs].map(milliseconds),
    rate === undefined ? '' : perSecond(rate),
  ];
}

/** The last repeat stands for the details; the headline is the median of all. */
export function lastRun({ runs }: DensityReport): RunFigures {
  const run = runs.at(-1);
  if (run === undefined) throw new Error('A report has at least one run');
  return run;
}

/** All tables, in the order in which one reads them. */
export function tablesOf(report: DensityReport): readonly ReportTable[] {
  const run = lastRun(report);
  return [
    latencyTable(report, run),
    memoryTable(run),
    curveTable(run),
    gateTable(run),
    ...(run.churn.length === 0 ? [] : [churnTable(run)]),
    endTable(run),
    ...peerTables(report.peers),
    promiseTable(report),
  ].filter(({ rows }) => rows.length > 0);
}

function latencyTable(
  { control }: DensityReport,
  { ramp, checkpoints, steady }: RunFigures,
): ReportTable {
  const last = checkpoints.at(-1);
  return {
    title: 'Time',
    columns: ['', 'p50', 'p90', 'p99', 'p99.9', 'max', 'rate'],
    rows: [
      latencyRow('launch', ramp.each, ramp.perSecond),
      ...(control === null
        ? []
        : [
            latencyRow(
              '  raw control, before',
              control.before.launch.each,
              control.before.launch.perSecond,
            ),
            latencyRow(
              '  raw control, after',
              control.after.launch.each,
              control.after.launch.perSecond,
            ),
          ]),
      ...(last === undefined ? [] : [latencyRow('exec', last.exec.latency)]),
      ...(control === null ? [] : [latencyRow('  raw control, after', control.after.exec.each)]),
      latencyRow(`list of ${steady.list.listed}, library`, steady.list.library),
      latencyRow(`list of ${steady.list.listed}, command line`, steady.list.commandLine),
      ...Object.entries(ramp.steps).map(([name, step]) => latencyRow(`  step ${name}`, step)),
    ],
    note: `launch: ${ramp.clock}`,
  };
}

const categories = {
  available: 'all (fall of MemAvailable)',
  user: 'user (AnonPages)',
  slab: 'slab',
  slabUnreclaimable: '  of it unreclaimable',
  pageTables: 'page tables',
  kernelStacks: 'kernel stacks',
  perCpu: 'per-CPU',
  shmem: 'shared memory',
  vmalloc: 'vmalloc',
} as const;

function memoryTable({ checkpoints, steady }: RunFigures): ReportTable {
  const each = (key: keyof typeof categories): string[] =>
    checkpoints.map(({ memory, count }) => kibibytes(memory[key] / count));
  const { memoryCost, enginePssBytes, processes, memoryCgroupBytes } = steady;
  const notes = [
    `engine: ${processes.length} processes with ${kibibytes(enginePssBytes)} together (PSS)`,
    ...(memoryCgroupBytes === null
      ? []
      : [`an empty memory cgroup takes ${kibibytes(memoryCgroupBytes)} now`]),
    ...(memoryCost === null
      ? []
      : [
          `linear part ${kibibytes(memoryCost.linearBytes)} each, quadratic part ${significant(memoryCost.quadraticBytes)} bytes for each pair (superblocks account for ${memoryCost.expectedQuadraticBytes})`,
        ]),
  ];
  return {
    title: 'Memory of one container',
    columns: ['', ...checkpoints.map(({ count }) => `at ${count.toLocaleString('en-US')}`)],
    rows: Object.entries(categories).map(([key, name]) => [
      name,
      ...each(key as keyof typeof categories),
    ]),
    note: notes.join('; '),
  };
}

function curveTable({ checkpoints }: RunFigures): ReportTable {
  return {
    title: 'Service at density',
    columns: ['containers', 'exec p50', 'exec p99', 'request p50', 'request p99', 'request p99.9'],
    rows: checkpoints.map(({ count, exec, requests }) => [
      count.toLocaleString('en-US'),
      milliseconds(exec.latency.p50Ms),
      milliseconds(exec.latency.p99Ms),
      ...(requests === null
        ? ['', '', '']
        : [requests.latency.p50Ms, requests.latency.p99Ms, requests.latency.p999Ms].map(
            milliseconds,
          )),
    ]),
  };
}

function gateTable({ gate }: RunFigures): ReportTable {
  return {
    title: 'Every container proves that it is one',
    columns: ['', 'passed', 'of'],
    rows: [
      ...Object.entries(gate.checks).map(([name, passed]) => [
        name,
        `${passed}`,
        `${gate.checked}`,
      ]),
      ...gate.limits.map(({ limit, held, detail }) => [
        `${limit} limit: ${detail}`,
        held ? 'held' : 'did not hold',
        '',
      ]),
    ],
  };
}

function churnTable({ churn }: RunFigures): ReportTable {
  return {
    title: 'Churn: one goes, one comes',
    columns: ['arrivals', 'asked', 'done', 'p50', 'p90', 'p99', 'max', 'most under way', 'failed'],
    rows: churn.map((part) => [
      part.saturated ? `${part.arrivals} (saturated)` : part.arrivals,
      perSecond(part.askedPerSecond),
      perSecond(part.donePerSecond),
      ...[part.latency.p50Ms, part.latency.p90Ms, part.latency.p99Ms, part.latency.maximumMs].map(
        milliseconds,
      ),
      `${part.mostUnderWay}`,
      `${part.failed}`,
    ]),
    note: 'from the time at which an arrival was due to the answer of its launch',
  };
}

function endTable({ teardown, steady, residue }: RunFigures): ReportTable {
  const row = (name: string, count: number, ms: number): string[] => [
    name,
    count.toLocaleString('en-US'),
    milliseconds(ms),
    perSecond(ms === 0 ? 0 : (count / ms) * 1000),
  ];
  return {
    title: 'All at once',
    columns: ['', 'containers', 'time', 'rate'],
    rows: [
      row('stats', steady.stats.count, steady.stats.elapsedMs),
      row('kill, acknowledged', teardown.kill.count, teardown.kill.elapsedMs),
      row('killed, reaped and removed', teardown.reclaim.count, teardown.reclaim.elapsedMs),
      ['residue', `${residue.length}`, '', ''],
    ],
  };
}

function promiseTable({ promises }: DensityReport): ReportTable {
  const words = (holds: boolean | null): string =>
    holds === null ? 'not judged' : holds ? 'met' : 'not met';
  return {
    title: 'Promises of docs/specification.md',
    columns: ['', 'promise', 'target', 'measured', ''],
    rows: promises.map(({ number, promise, target, measured, holds }) => [
      `${number}`,
      promise,
      target,
      measured,
      words(holds),
    ]),
  };
}

/** The run in a sentence. */
export function summaryOf(report: DensityReport): string {
  const { headline, scenario, elapsedMs } = report;
  const each = bytesPerContainer(lastRun(report)) ?? 0;
  return (
    `${headline.launched.median.toLocaleString('en-US')} containers of ${scenario.image} (${scenario.workload}), ` +
    `${perSecond(headline.launchesPerSecond.median)}, p50 ${milliseconds(headline.launchP50Ms.median)}, ` +
    `${each > 0 ? `${kibibytes(each)} each` : 'memory hidden by the neighbours'}, ${Math.round(elapsedMs / 1000)} s in all`
  );
}

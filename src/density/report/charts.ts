import { percentileCurve, type Distribution } from '../figures/histogram.js';
import { medianOf } from '../figures/summary.js';
import type { DensityReport } from './document.js';
import { lastRun } from './rows.js';

export interface ChartSeries {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Single points instead of a line. */
  readonly dots?: boolean;
}

/** One diagram of the page, as its script draws it and its table shows it. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Names instead of numbers on the x axis. */
  readonly xNames?: Readonly<Record<number, string>>;
  readonly series: readonly ChartSeries[];
}

const mebibyte = 2 ** 20;
const windows = 60;
const mostDots = 4000;

export function chartsOf(report: DensityReport): readonly Chart[] {
  const charts = [
    launchChart(report),
    memoryChart(report),
    serviceChart(report),
    percentileChart(report),
    ...(report.peers.some(({ reason }) => reason === null) ? [peerChart(report)] : []),
  ];
  return charts.filter(({ series }) => series.some(({ x }) => x.length > 0));
}

/** Medians of windows: what the eye would draw through the cloud. */
function mediansOf(name: string, series: readonly number[]): ChartSeries {
  const size = Math.max(1, Math.ceil(series.length / windows));
  const x: number[] = [];
  const y: number[] = [];
  for (let at = 0; at < series.length; at += size) {
    const part = series.slice(at, at + size);
    x.push(at + part.length / 2);
    y.push(medianOf(part));
  }
  return { name, x, y };
}

function dotsOf(name: string, series: readonly number[]): ChartSeries {
  const step = Math.max(1, Math.ceil(series.length / mostDots));
  const kept = series
    .map((ms, index) => [index + 1, ms] as const)
    .filter((_, index) => index % step === 0);
  return { name, x: kept.map(([k]) => k), y: kept.map(([, ms]) => ms), dots: true };
}

function launchChart(report: DensityReport): Chart {
  const { ramp } = lastRun(report);
  const { control } = report;
  return {
    id: 'chart-launch',
    title: 'Launch time against the count',
    caption: `${ramp.clock}. Lines are medians of windows.`,
    xLabel: 'k-th launch',
    yLabel: 'ms',
    logY: true,
    series: [
      mediansOf('Warren, median', ramp.series),
      ...(control === null ? [] : [mediansOf('raw control, median', control.before.launch.series)]),
      dotsOf('Warren, each', ramp.series),
    ],
  };
}

function memoryChart(report: DensityReport): Chart {
  const { checkpoints } = lastRun(report);
  const x = checkpoints.map(({ count }) => count);
  const line = (
    name: string,
    key: 'available' | 'user' | 'slab' | 'pageTables' | 'kernelStacks',
  ): ChartSeries => ({
    name,
    x,
    y: checkpoints.map(({ memory }) => memory[key] / mebibyte),
  });
  return {
    id: 'chart-memory',
    title: 'Memory against the count',
    caption: 'Taken since the engine was empty: kernel and user memory of everything.',
    xLabel: 'containers alive',
    yLabel: 'MiB',
    series: [
      line('all', 'available'),
      line('slab', 'slab'),
      line('user', 'user'),
      line('page tables', 'pageTables'),
      line('kernel stacks', 'kernelStacks'),
    ],
  };
}

function serviceChart(report: DensityReport): Chart {
  const { checkpoints } = lastRun(report);
  const line = (name: string, points: readonly (readonly [number, number])[]): ChartSeries => ({
    name,
    x: points.map(([count]) => count),
    y: points.map(([, ms]) => ms),
  });
  const served = checkpoints.flatMap((point) =>
    point.requests === null ? [] : [{ count: point.count, latency: point.requests.latency }],
  );
  const executed = checkpoints.map(({ count, exec }) => ({ count, latency: exec.latency }));
  const pairs = (
    points: readonly { readonly count: number; readonly latency: Distribution }[],
    key: 'p50Ms' | 'p99Ms',
  ): readonly (readonly [number, number])[] =>
    points.map(({ count, latency }) => [count, latency[key]] as const);
  return {
    id: 'chart-service',
    title: 'Service against the count',
    caption: 'Requests and commands in containers at random while so many are alive.',
    xLabel: 'containers alive',
    yLabel: 'ms',
    logY: true,
    series: [
      line('exec p50', pairs(executed, 'p50Ms')),
      line('exec p99', pairs(executed, 'p99Ms')),
      ...(served.length === 0
        ? []
        : [
            line('request p50', pairs(served, 'p50Ms')),
            line('request p99', pairs(served, 'p99Ms')),
          ]),
    ],
  };
}

/** The slow end stretched: a tenth of what is left at each step. */
function percentileChart(report: DensityReport): Chart {
  const { ramp, checkpoints, churn } = lastRun(report);
  const curve = (name: string, distribution: Distribution): ChartSeries => {
    const points = percentileCurve(distribution);
    return { name, x: points.map(([share]) => 1 / (1 - share)), y: points.map(([, ms]) => ms) };
  };
  const last = checkpoints.at(-1);
  return {
    id: 'chart-percentiles',
    title: 'Distributions',
    caption: 'Time by percentile, from HDR histograms.',
    xLabel: 'percentile',
    yLabel: 'ms',
    logX: true,
    logY: true,
    xNames: { 1: '0', 2: '50', 10: '90', 100: '99', 1000: '99.9', 10_000: '99.99' },
    series: [
      curve('launch', ramp.each),
      ...(report.control === null ? [] : [curve('raw control', report.control.before.launch.each)]),
      ...(last === undefined ? [] : [curve('exec', last.exec.latency)]),
      ...(last === undefined || last.requests === null
        ? []
        : [curve('request', last.requests.latency)]),
      ...churn.map(({ arrivals, latency }) => curve(`churn, ${arrivals}`, latency)),
    ],
  };
}

function peerChart({ peers }: DensityReport): Chart {
  const measured = peers.filter(({ reason }) => reason === null);
  const line = (name: string, key: 'launchP50Ms' | 'launchP99Ms'): ChartSeries => ({
    name,
    x: measured.map((_, index) => index + 1),
    y: measured.map((peer) => peer[key].median),
    dots: true,
  });
  return {
    id: 'chart-peers',
    title: 'Launch time side by side',
    caption: measured
      .map(({ title, variant }, index) => `${index + 1}: ${title} (${variant})`)
      .join(', '),
    xLabel: 'system',
    yLabel: 'ms',
    logY: true,
    xNames: Object.fromEntries(measured.map((_, index) => [index + 1, `${index + 1}`])),
    series: [line('p50', 'launchP50Ms'), line('p99', 'launchP99Ms')],
  };
}

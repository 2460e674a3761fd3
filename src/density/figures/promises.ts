import type { ControlFigures, Headline, Promised, RunFigures } from '../report/document.js';
import type { Scenario } from '../scenario.js';
import { medianOf } from './summary.js';

interface Bound {
  readonly value: number;
  readonly bound: number;
  readonly kind: 'most' | 'least';
  readonly unit: string;
}

export interface PromiseInput {
  readonly scenario: Scenario;
  readonly control: ControlFigures | null;
  readonly headline: Headline;
  readonly runs: readonly RunFigures[];
}

const kibibyte = 1024;
/** Windows at both ends of a series whose medians tell its growth. */
const growthShare = 0.1;
const growthNeeds = 1000;

/** The lines of docs/specification.md that this run can judge. */
export function promisesOf(input: PromiseInput): readonly Promised[] {
  const { scenario, headline, runs } = input;
  const engine = medianOf(runs.map(({ steady }) => steady.engineBytesPerContainer)) / kibibyte;
  const residue = runs.reduce((sum, run) => sum + run.residue.length, 0);
  const grown = Math.max(...runs.map(({ steady }) => steady.engineProcessesGrown));
  const reached = headline.launched.median;
  const listed = `list of ${reached.toLocaleString('en-US')}`;
  return [
    ...ratiosOf(input),
    judged(
      3,
      'launches with all-new network namespaces',
      least(headline.launchesPerSecond.median, 600, '/s'),
    ),
    memoryOf(headline, scenario),
    judged(6, 'containers reached', least(reached, scenario.count, '')),
    judged(7, 'host processes kept per container', most(grown / Math.max(1, reached), 0.01, '')),
    judged(8, 'engine memory per container', most(engine, 2, ' KiB')),
    ...endsOf(input),
    judged(12, `${listed}, library`, most(headline.listLibraryMs.median, 50, ' ms')),
    judged(13, `${listed}, command line`, most(headline.listCommandLineMs.median, 150, ' ms')),
    judged(14, 'residue', most(residue, 0, '')),
  ];
}

/** Beside what the control takes for the same: the kernel's own part, which no engine goes below. */
function endsOf({ headline, control }: PromiseInput): readonly Promised[] {
  const rounds = control === null ? [] : [control.before.launch, control.after.launch];
  const beside = (promised: Promised, rates: readonly number[]): Promised =>
    rates.length === 0
      ? promised
      : {
          ...promised,
          measured: `${promised.measured} (control ${significant(medianOf(rates))}/s)`,
        };
  return [
    beside(
      judged(9, 'kill and acknowledge', least(headline.killPerSecond.median, 10_000, '/s')),
      rounds.map(({ killPerSecond }) => killPerSecond),
    ),
    beside(
      judged(10, 'reaped, cgroups removed', least(headline.reclaimPerSecond.median, 1000, '/s')),
      rounds.map(({ reclaimPerSecond }) => reclaimPerSecond),
    ),
  ];
}

/** MemAvailable is the whole machine's: when others gave back more than the containers took, it tells nothing. */
function memoryOf({ bytesPerContainer }: Headline, { superblocks, network }: Scenario): Promised {
  const withNetwork = network !== 'host';
  const bound = superblocks === 3 ? (withNetwork ? 400 : 200) : 480;
  const kibibytes = bytesPerContainer.median / kibibyte;
  const promised = judged(
    5,
    `memory per idle container, S = ${superblocks}`,
    most(kibibytes, bound, ' KiB'),
  );
  return kibibytes > 0
    ? promised
    : { ...promised, measured: 'hidden by the neighbours', holds: null };
}

function ratiosOf({ scenario, control, headline, runs }: PromiseInput): readonly Promised[] {
  if (control === null) return [];
  const { before, after, conclusive } = control;
  const mean = (a: number, b: number): number => (a + b) / 2;
  const launchMs = mean(before.launch.each.p50Ms, after.launch.each.p50Ms);
  const rate = mean(before.launch.perSecond, after.launch.perSecond);
  const execMs = mean(before.exec.each.p50Ms, after.exec.each.p50Ms);
  const ratios: Promised[] = [
    judged(
      2,
      'rate of launches',
      least(headline.launchesPerSecond.median / rate, 0.8, ' × control'),
    ),
    judged(
      11,
      'exec, library call to exit',
      most(headline.execP50Ms.median / execMs, 2, ' × control'),
    ),
  ];
  if (scenario.arrival.kind === 'closed') {
    const each = headline.launchP50Ms.median / launchMs;
    ratios.unshift(judged(1, 'one launch through the library', most(each, 1.5, ' × control')));
  }
  const growth = growthRatio(runs, control);
  if (growth !== null) {
    ratios.push(
      judged(4, 'growth of launch time with the count', most(growth, 1.1, ' × the control’s')),
    );
  }
  return conclusive ? ratios : ratios.map(inconclusive);
}

/** Ratios of a control that moved say nothing. */
function inconclusive(promised: Promised): Promised {
  return {
    ...promised,
    measured: `${promised.measured}, not concluded: the control drifted`,
    holds: null,
  };
}

/** Only where both went to the same count, which is large enough to show growth. */
function growthRatio(
  runs: readonly RunFigures[],
  { before, after }: ControlFigures,
): number | null {
  const own = runs.map(({ ramp }) => growthOf(ramp.series));
  const theirs = [before, after].map(({ launch }) => growthOf(launch.series));
  const counts = [...runs.map(({ ramp }) => ramp.count), before.launch.count];
  const comparable =
    Math.min(...counts) === Math.max(...counts) && before.launch.count >= growthNeeds;
  return comparable ? medianOf(own) / medianOf(theirs) : null;
}

/** Median of the last tenth over the median of the first. */
function growthOf(series: readonly number[]): number {
  const window = Math.max(1, Math.floor(series.length * growthShare));
  return medianOf(series.slice(-window)) / medianOf(series.slice(0, window));
}

function most(value: number, bound: number, unit: string): Bound {
  return { value, bound, kind: 'most', unit };
}

function least(value: number, bound: number, unit: string): Bound {
  return { value, bound, kind: 'least', unit };
}

function judged(number: number, promise: string, { value, bound, kind, unit }: Bound): Promised {
  return {
    number,
    promise,
    target: `${kind === 'most' ? '≤' : '≥'} ${bound.toLocaleString('en-US')}${unit}`,
    measured: `${significant(value)}${unit}`,
    holds: kind === 'most' ? value <= bound : value >= bound,
  };
}

/** Three digits. */
export function significant(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value === 0 ? '0' : value.toPrecision(3);
}

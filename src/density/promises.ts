import type { DensityReport } from './scenario.js';

/** One line of docs/specification.md as this run measured it. */
export interface Promised {
  readonly number: number;
  readonly promise: string;
  readonly target: string;
  readonly measured: string;
  /** null: what else the machine did hides it. */
  readonly holds: boolean | null;
}

interface Bound {
  readonly value: number;
  readonly bound: number;
  readonly kind: 'most' | 'least';
  readonly unit: string;
}

const kibibyte = 1024;

/** The promises of docs/specification.md that a density run can judge. */
export function promisesOf(report: DensityReport): readonly Promised[] {
  const { launch, list, kill, reclaim, residue } = report;
  const memoryKiB = launch.memory.bytesPerContainer / kibibyte;
  return [
    ...ratiosOf(report),
    judged(3, 'launches with all-new network namespaces', least(launch.perSecond, 600, '/s')),
    memoryOf(memoryKiB, report.scenario.superblocks === 3 ? 400 : 480),
    judged(
      8,
      'keeper memory per container',
      most(launch.memory.keeperBytesPerContainer / kibibyte, 2, ' KiB'),
    ),
    judged(9, 'kill and acknowledge', least(kill.perSecond, 10_000, '/s')),
    judged(10, 'reaped, cgroups removed', least(reclaim.perSecond, 1000, '/s')),
    judged(12, `list of ${list.listed}, library`, most(list.library.p50Ms, 50, ' ms')),
    judged(13, `list of ${list.listed}, command line`, most(list.commandLine.p50Ms, 150, ' ms')),
    judged(14, 'residue', most(residue.length, 0, '')),
  ];
}

/** MemAvailable is the whole machine's: when others gave back more than the containers took, it tells nothing. */
function memoryOf(kibibytes: number, bound: number): Promised {
  const promised = judged(5, 'memory per idle container', most(kibibytes, bound, ' KiB'));
  return kibibytes > 0 ? promised : { ...promised, holds: null };
}

/** Against the mean of the control before and after. */
function ratiosOf({ control, single, launch, exec }: DensityReport): readonly Promised[] {
  if (control === null) return [];
  const { before, after } = control;
  const mean = (a: number, b: number): number => (a + b) / 2;
  const launchMs = mean(before.launch.p50Ms, after.launch.p50Ms);
  const rate = mean(before.launch.perSecond, after.launch.perSecond);
  const execMs = mean(before.exec.p50Ms, after.exec.p50Ms);
  return [
    judged(1, 'one launch through the library', most(single.p50Ms / launchMs, 1.5, ' × control')),
    judged(2, 'rate of one call', least(launch.perSecond / rate, 0.8, ' × control')),
    judged(11, 'exec, library call to exit', most(exec.p50Ms / execMs, 2, ' × control')),
  ];
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
    target: `${kind === 'most' ? '≤' : '≥'} ${bound}${unit}`,
    measured: `${significant(value)}${unit}`,
    holds: kind === 'most' ? value <= bound : value >= bound,
  };
}

/** Three digits. */
export function significant(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value === 0 ? '0' : value.toPrecision(3);
}

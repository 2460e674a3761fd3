import { canceledError, throwIfAborted } from '../base/abort.js';
import { isWarrenError } from '../base/errors.js';
import type { EngineOptions } from '../engine/contract.js';
import type { OnProgress } from '../model/events.js';
import { controlFiguresOf, measureControl, type ControlRound } from './control.js';
import { headlineOf } from './figures/headline.js';
import { promisesOf } from './figures/promises.js';
import { defaultDemand, forecast, assumedLinearBytes, type Forecast } from './host/forecast.js';
import { hostManifest } from './host/manifest.js';
import { memoryCgroupBytes } from './host/memory-cgroup.js';
import { neededChanges, type SysctlChange } from './host/sysctls.js';
import { measureSideBySide } from './side-by-side/measure.js';
import { measureRuns } from './measure-runs.js';
import { schemaName, type DensityReport, type RunFigures } from './report/document.js';
import type { Scenario } from './scenario.js';
import { Workspace, workspacePaths } from './workspace.js';

export interface DensityOptions {
  /** The user's own engine: the benchmark keeps an engine of its own beside it. */
  readonly engine: Pick<EngineOptions, 'dataRoot' | 'runDir' | 'cgroupParent'>;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Told as soon as it is known what the host can hold. */
  readonly onForecast: (forecast: Forecast) => void;
}

/** Above this the memory cgroups of a machine are inflated by what it held before. */
const freshCgroupBytes = 24 * 1024;

/**
 * Launches the scenario's containers, proves, uses and ends them, and the peers', beside the raw control before and after. What went
 * wrong is in the report's `failures`. When the signal fires, everything is removed and canceled is thrown.
 * @throws WarrenError conflict (DENSITY_BUSY), permissionDenied, canceled
 */
export async function runDensity(
  scenario: Scenario,
  options: DensityOptions,
): Promise<DensityReport> {
  try {
    return await measure(scenario, options);
  } catch (error) {
    throw options.signal.aborted && isInterruption(error)
      ? canceledError('measure density', options.signal)
      : error;
  }
}

/** What the signal makes of a wait, of a program and of a batch; what failed while it cleaned up is none. */
function isInterruption(error: unknown): boolean {
  if (isWarrenError(error)) return ['canceled', 'unavailable'].includes(error.kind);
  return error instanceof Error && error.name === 'AbortError';
}

async function measure(scenario: Scenario, options: DensityOptions): Promise<DensityReport> {
  const startedAt = new Date();
  const start = performance.now();
  await using workspace = await Workspace.open(workspacePaths(options.engine));
  // First of all: everything that is launched raises it.
  const mark = memoryCgroupBytes(`${workspace.paths.name}-probe`);
  const preflight = lookAhead(scenario, workspace);
  options.onForecast(preflight);
  const tuned = tune(scenario, { workspace, preflight });
  const shared = { ...options, workspace };
  const before = await measureControl(scenario, shared);
  const { runs, container } = await measureRuns(scenario, shared);
  const peers = scenario.keep ? [] : await measureSideBySide({ scenario, context: shared });
  const after = scenario.keep ? null : await measureControl(scenario, shared);
  throwIfAborted(options.signal, 'measure density');
  const control = controlFiguresOf(before, after);
  const headline = headlineOf(runs);
  const host = hostManifest(mark);
  if (scenario.keep) workspace.keep();
  return {
    schema: schemaName,
    startedAt: startedAt.toISOString(),
    elapsedMs: performance.now() - start,
    scenario,
    host,
    container,
    preflight,
    tuned,
    control,
    runs,
    headline,
    peers,
    promises: promisesOf({ scenario, control, headline, runs }),
    failures: failuresOf(
      scenario,
      runs,
      peers.flatMap(({ rounds }) => rounds.flatMap(({ residue }) => residue)),
    ),
    cautions: cautionsOf({ control, mark, runs, before }),
  };
}

interface Prepared {
  readonly workspace: Workspace;
  readonly preflight: Forecast;
}

function lookAhead(
  { superblocks, network, reserveBytes }: Scenario,
  { paths }: Workspace,
): Forecast {
  const { withNetwork, withoutNetwork } = assumedLinearBytes;
  const networkNamespace = network !== 'host';
  const linearBytes = networkNamespace ? withNetwork : withoutNetwork;
  const demand = { ...defaultDemand, superblocks, networkNamespace, linearBytes };
  return forecast({ dataRoot: paths.base, demand, reserveBytes });
}

function tune(
  { tune: wanted, count }: Scenario,
  { workspace, preflight }: Prepared,
): readonly SysctlChange[] {
  if (!wanted) return [];
  const changes = neededChanges(preflight.walls, count);
  workspace.tune(changes);
  return changes;
}

function failuresOf(
  { count }: Scenario,
  runs: readonly RunFigures[],
  peerResidue: readonly string[],
): readonly string[] {
  return [
    ...runs.flatMap((run, index) =>
      failuresOfRun(run, { count, name: runs.length > 1 ? `run ${index + 1}: ` : '' }),
    ),
    ...peerResidue.map((left) => `left by a peer: ${left}`),
  ];
}

function failuresOfRun(
  { ramp, gate, checkpoints, teardown, residue }: RunFigures,
  { count, name }: { readonly count: number; readonly name: string },
): readonly string[] {
  const short =
    ramp.count < count
      ? [`${ramp.count} of ${count} launched: ${ramp.stoppedBy ?? `${ramp.failed} failed`}`]
      : [];
  const unreal = gate.checked - gate.passed;
  const limits = gate.limits.filter(({ held }) => !held);
  const execs = checkpoints.reduce((sum, { exec }) => sum + exec.failed, 0);
  const requests = checkpoints.reduce((sum, point) => sum + (point.requests?.failed ?? 0), 0);
  return [
    ...short,
    ...ramp.failures,
    ...(unreal > 0 ? [`${unreal} containers did not prove what they are`, ...gate.failures] : []),
    ...limits.map(({ limit, detail }) => `the ${limit} limit did not hold: ${detail}`),
    ...(execs > 0 ? [`${execs} commands failed`] : []),
    ...(requests > 0 ? [`${requests} requests failed`] : []),
    ...teardown.failures,
    ...residue.map((left) => `left behind: ${left}`),
  ].map((failure) => name + failure);
}

interface CautionInput {
  readonly control: DensityReport['control'];
  readonly mark: number | null;
  readonly runs: readonly RunFigures[];
  readonly before: ControlRound | null;
}

function cautionsOf({ control, mark, runs, before }: CautionInput): readonly string[] {
  const cautions: string[] = [];
  if (control !== null && !control.conclusive) {
    const percent = Math.round(Math.max(control.launchDrift, control.execDrift) * 100);
    cautions.push(
      `The raw control drifted by ${percent} % between before and after: no ratio is concluded`,
    );
  }
  if (control === null && before === null)
    cautions.push('No raw control: absolute times say as much about the machine as about Warren');
  if (mark !== null && mark > freshCgroupBytes) {
    cautions.push(
      `An empty memory cgroup takes ${Math.round(mark / 1024)} KiB here instead of 15: this machine held many file systems since its boot, and every memory figure is larger by that`,
    );
  }
  const load = Math.max(...runs.map(({ steady }) => steady.business.load1));
  if (load > 3 * runs.length)
    cautions.push(`Other work kept ${load.toFixed(0)} tasks runnable: times measure it, too`);
  return cautions;
}

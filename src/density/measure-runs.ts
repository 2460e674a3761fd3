import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '../engine/engine.js';
import type { LaunchTrace } from '../engine/contract.js';
import { containerManifest, type ContainerManifest } from './container-manifest.js';
import { bytesPerSuperblock } from './figures/memory-cost.js';
import { engineProcesses } from './host/engine-processes.js';
import { defaultDemand, forecast, type Forecast } from './host/forecast.js';
import { settledMemory } from './host/meminfo.js';
import { copyLinked } from './programs/copy-linked.js';
import { measureCheckpoint, type Checkpoint } from './phases/checkpoint.js';
import { churn, type ChurnFigures } from './phases/churn.js';
import { gate } from './phases/gate.js';
import { Ramp } from './phases/ramp.js';
import { engineResidue, hostResidue } from './phases/residue.js';
import { measureSteady } from './phases/steady.js';
import { teardown } from './phases/teardown.js';
import type { RunFigures } from './report/document.js';
import { checkpointsOf, configOf, type Scenario } from './scenario.js';
import { announce, type Session } from './session.js';
import type { ControlContext } from './control.js';

export interface MeasuredRuns {
  readonly runs: readonly RunFigures[];
  readonly container: ContainerManifest;
}

/** All repeats, each with an engine of its own that starts from nothing. */
export async function measureRuns(
  scenario: Scenario,
  context: ControlContext,
): Promise<MeasuredRuns> {
  const runs: RunFigures[] = [];
  let container: ContainerManifest | undefined;
  for (let index = 0; index < scenario.repeat; index += 1) {
    const measured = await measureOne(scenario, context);
    runs.push(measured.figures);
    container ??= measured.container;
  }
  if (container === undefined) throw new Error('A scenario has at least one run');
  return { runs, container };
}

interface MeasuredRun {
  readonly figures: RunFigures;
  readonly container: ContainerManifest;
}

async function measureOne(scenario: Scenario, context: ControlContext): Promise<MeasuredRun> {
  const session = await openSession(scenario, context);
  const { engine, workspace } = session;
  let pids: readonly number[] = [];
  let measured: MeasuredRun;
  try {
    measured = await measureSession(session);
    if (scenario.keep) return measured;
    const { keepers } = await engine.system.info();
    pids = engineProcesses(keepers.map(({ pid }) => pid)).map(({ pid }) => pid);
    await engine.system.shutdown({ force: true });
  } finally {
    await engine.close();
  }
  const left = await hostResidue(workspace.paths, pids);
  const { figures, container } = measured;
  return { container, figures: { ...figures, residue: [...figures.residue, ...left] } };
}

async function openSession(scenario: Scenario, context: ControlContext): Promise<Session> {
  const { workspace } = context;
  await bringImages(workspace.paths.userDataRoot, workspace.paths.engine.dataRoot);
  const session: { -readonly [K in keyof Session]: Session[K] } = {
    ...context,
    scenario,
    engine: await Engine.open({
      ...workspace.paths.engine,
      onTrace: (trace: LaunchTrace) => session.onLaunch?.(trace),
    }),
    onLaunch: undefined,
    containers: [],
  };
  return session;
}

/** The user's images, as hard links: the benchmark's own engine sees them and can do them no harm. */
async function bringImages(from: string, to: string): Promise<void> {
  for (const name of ['images', 'layers']) {
    const source = join(from, name);
    if (existsSync(source) && !existsSync(join(to, name))) await copyLinked(source, to);
  }
}

async function measureSession(session: Session): Promise<MeasuredRun> {
  const { engine, scenario } = session;
  announce(session, 'prepare', `image ${scenario.image}, keeper`);
  const container = await containerManifest(session);
  await warmUp(session);
  const baseline = await settledMemory(session.signal);
  const before = engineProcesses((await engine.system.info()).keepers.map(({ pid }) => pid));
  const ramp = new Ramp(session);
  const checkpoints: Checkpoint[] = [];
  for (const count of checkpointsOf(scenario.count)) {
    await ramp.growTo(count);
    if (session.containers.length === 0 || ramp.stoppedBy !== null) break;
    checkpoints.push(await measureCheckpoint(session, baseline));
  }
  if (ramp.stoppedBy !== null && session.containers.length > 0) {
    checkpoints.push(await measureCheckpoint(session, baseline));
  }
  const rampFigures = ramp.figures;
  announce(session, 'gate', `${session.containers.length} containers prove what they are`);
  const proved = await gate(session);
  const steady = await measureSteady(session, { checkpoints, before });
  const ahead = forecastFrom(session, checkpoints);
  const churned = await churnIfAsked(session, rampFigures.perSecond);
  const nothing = { count: 0, elapsedMs: 0, perSecond: 0 };
  const ended = scenario.keep
    ? { kill: nothing, reclaim: nothing, failures: [] }
    : await teardown(session);
  const residue = scenario.keep ? [] : await engineResidue(session);
  const figures: RunFigures = {
    ramp: rampFigures,
    gate: proved,
    checkpoints,
    steady,
    churn: churned,
    teardown: ended,
    residue,
    forecast: ahead,
  };
  return { figures, container };
}

const warmUps = 10;

/** The first few launches load code and fill pools: they are no part of any figure. */
async function warmUp({ engine, scenario, signal }: Session): Promise<void> {
  const made = await engine.runMany(configOf(scenario), warmUps, { signal });
  const ids = made.flatMap((result) => (result.ok ? [result.id] : []));
  await engine.containers.remove(ids, { force: true });
  const failed = made.find((result) => !result.ok);
  if (failed !== undefined && !failed.ok) throw failed.error;
}

/** With what a container really took, its part of the superblocks' square taken off. */
function forecastFrom(session: Session, checkpoints: readonly Checkpoint[]): Forecast {
  const { scenario, workspace, containers } = session;
  const last = checkpoints.at(-1);
  const existing = containers.length;
  const each = last === undefined ? defaultDemand.linearBytes : last.memory.available / last.count;
  const linearBytes = Math.max(1, each - bytesPerSuperblock * scenario.superblocks * existing);
  const networkNamespace = scenario.network !== 'host';
  const demand = {
    ...defaultDemand,
    superblocks: scenario.superblocks,
    networkNamespace,
    linearBytes,
    existing,
  };
  return forecast({
    dataRoot: workspace.paths.base,
    demand,
    reserveBytes: scenario.reserveBytes,
  });
}

async function churnIfAsked(session: Session, reached: number): Promise<readonly ChurnFigures[]> {
  const { churnMs, churnPerSecond } = session.scenario;
  if (churnMs === null || session.containers.length === 0) return [];
  return await churn(session, churnPerSecond ?? reached / 2);
}

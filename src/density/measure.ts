import { loadavg } from 'node:os';
import { Engine } from '../engine/engine.js';
import type { ContainerHandle, LaunchTrace } from '../engine/contract.js';
import { latencyOf, timed, type Latency } from './figures.js';
import { measureLaunch } from './launch-phase.js';
import { memoryCgroupBytes } from './memory.js';
import { runRawControl } from './peers/raw-control.js';
import { measureEnd, residueOf } from './end-phase.js';
import { configOf, type ControlFigures, type DensityReport, type Scenario } from './scenario.js';
import { measureExec, measureList, measureStats } from './use-phase.js';

const controlExecs = 500;

/**
 * Launches the scenario's containers, uses them, ends them, and tells what each step took, beside the raw control before and
 * after. It measures and judges nothing: counts that are too low and residue are in the report.
 */
export async function measureDensity(
  scenario: Scenario,
  onStep: (step: string) => void = () => undefined,
): Promise<DensityReport> {
  const loadBefore = loadavg()[0] ?? 0;
  const name = scenario.engine.cgroupParent.replace(/^\//, '').replaceAll('/', '-');
  onStep('superblock mark');
  const mark = memoryCgroupBytes(`${name}-mark`);
  onStep('raw control');
  const before = scenario.control ? await measureControl(scenario, name) : null;
  const measured = await measureEngine(scenario, onStep);
  onStep('raw control');
  const after = scenario.control ? await measureControl(scenario, name) : null;
  const { engine: _paths, ...shown } = scenario;
  const { kernel, cpus, memoryBytes, ...figures } = measured;
  return {
    scenario: shown,
    machine: {
      kernel,
      cpus,
      memoryBytes,
      loadBefore,
      loadAfter: loadavg()[0] ?? 0,
      memoryCgroupBytes: mark,
    },
    control: before === null || after === null ? null : { before, after },
    ...figures,
  };
}

async function measureControl(scenario: Scenario, name: string): Promise<ControlFigures> {
  const common = {
    networkNamespaces: true,
    limits: true,
    superblocks: scenario.superblocks,
    cgroup: `${name}-raw`,
  } as const;
  const launch = await runRawControl({ ...common, mode: 'launch', count: scenario.count });
  return { launch, exec: await runRawControl({ ...common, mode: 'exec', count: controlExecs }) };
}

type EngineFigures = Omit<DensityReport, 'scenario' | 'machine' | 'control'> &
  Pick<DensityReport['machine'], 'kernel' | 'cpus' | 'memoryBytes'>;

async function measureEngine(
  scenario: Scenario,
  onStep: (step: string) => void,
): Promise<EngineFigures> {
  const traces: LaunchTrace[] = [];
  const engine = await Engine.open({
    ...scenario.engine,
    onTrace: (trace) => traces.push(trace),
  });
  try {
    const { kernel, cpus, memoryBytes } = await engine.system.info();
    onStep('one at a time');
    const single = await measureSingles(engine, scenario);
    traces.length = 0;
    onStep('launch');
    const { containers, figures } = await measureLaunch(engine, { scenario, traces });
    onStep('list, exec, stats');
    const list = await measureList(engine, scenario);
    const exec = await measureExec(containers, scenario.execs);
    const stats = await measureStats(engine);
    onStep('kill and remove');
    const end = await measureEnd(engine, containers);
    const residue = await residueOf(engine, scenario);
    return {
      kernel,
      cpus,
      memoryBytes,
      single,
      launch: figures,
      list,
      exec,
      stats,
      ...end,
      residue,
    };
  } finally {
    await engine.system.shutdown({ force: true });
    await engine.close();
  }
}

/** The first few calls warm everything up and do not count. */
const warmUps = 10;

async function measureSingles(engine: Engine, scenario: Scenario): Promise<Latency> {
  const config = configOf(scenario);
  const samples: number[] = [];
  const made: ContainerHandle[] = [];
  for (let i = 0; i < scenario.singles + warmUps; i += 1) {
    const { value, elapsedMs } = await timed(async () => await engine.run(config));
    made.push(value);
    if (i >= warmUps) samples.push(elapsedMs);
  }
  await engine.containers.remove(
    made.map(({ id }) => id),
    { force: true },
  );
  return latencyOf(samples);
}

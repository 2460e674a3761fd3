import type { ContainerHandle, EngineApi, LaunchTrace } from '../engine/contract.js';
import { latencyOf, throughputOf, timed, type Latency } from './figures.js';
import { meminfoBytes } from './memory.js';
import { configOf, type LaunchFigures, type Scenario } from './scenario.js';

export interface LaunchPhase {
  readonly scenario: Scenario;
  /** What the engine's `onTrace` was told; filled while this runs. */
  readonly traces: readonly LaunchTrace[];
}

/** What the keeper's workers did; together one launch as the raw control times it. */
const keeperStep = /^keeper ./;
const microsecondsPerMs = 1000;

/** Launches all containers by one call. */
export async function measureLaunch(
  engine: EngineApi,
  { scenario, traces }: LaunchPhase,
): Promise<{ readonly containers: readonly ContainerHandle[]; readonly figures: LaunchFigures }> {
  const keeperBefore = await keeperBytes(engine);
  const availableBefore = meminfoBytes('MemAvailable');
  const cpuBefore = process.cpuUsage();
  const { value: results, elapsedMs } = await timed(
    async () => await engine.runMany(configOf(scenario), scenario.count),
  );
  const cpu = process.cpuUsage(cpuBefore);
  const containers = results.flatMap((result) => (result.ok ? [result.value] : []));
  const count = Math.max(1, containers.length);
  const keeper = await keeperBytes(engine);
  const figures: LaunchFigures = {
    ...throughputOf(containers.length, elapsedMs),
    failed: results.length - containers.length,
    each: latencyOf(traces.map(keeperTime)),
    steps: stepsOf(traces),
    nodeCpuMs: (cpu.user + cpu.system) / microsecondsPerMs / count,
    memory: {
      bytesPerContainer: (availableBefore - meminfoBytes('MemAvailable')) / count,
      keeperBytes: keeper,
      keeperBytesPerContainer: (keeper - keeperBefore) / count,
    },
  };
  return { containers, figures };
}

async function keeperBytes(engine: EngineApi): Promise<number> {
  const { keepers } = await engine.system.info();
  return keepers.reduce((sum, { rssBytes }) => sum + rssBytes, 0);
}

function keeperTime({ steps }: LaunchTrace): number {
  return steps.filter(({ name }) => keeperStep.test(name)).reduce((sum, { ms }) => sum + ms, 0);
}

function stepsOf(traces: readonly LaunchTrace[]): Readonly<Record<string, Latency>> {
  const samples = new Map<string, number[]>();
  for (const { steps } of traces) {
    for (const { name, ms } of steps) {
      const known = samples.get(name);
      if (known === undefined) samples.set(name, [ms]);
      else known.push(ms);
    }
  }
  return Object.fromEntries([...samples].map(([name, list]) => [name, latencyOf(list)]));
}

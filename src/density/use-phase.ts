import { randomInt } from 'node:crypto';
import type { ContainerHandle, EngineApi } from '../engine/contract.js';
import { latencyOf, throughputOf, timed, type Throughput } from './figures.js';
import { runWarren } from './peers/command-line.js';
import type { DensityReport, Scenario } from './scenario.js';

export async function measureList(
  engine: EngineApi,
  scenario: Scenario,
): Promise<DensityReport['list']> {
  const library: number[] = [];
  const commandLine: number[] = [];
  let listed = 0;
  for (let i = 0; i < scenario.lists; i += 1) {
    const inProcess = await timed(async () => await engine.containers.list());
    library.push(inProcess.elapsedMs);
    const started = await timed(async () => await runWarren(scenario.engine, ['ps', '--quiet']));
    commandLine.push(started.elapsedMs);
    listed = Math.min(inProcess.value.length, started.value.length);
  }
  return { listed, library: latencyOf(library), commandLine: latencyOf(commandLine) };
}

/** One at a time, from the library's call to the exit code. */
export async function measureExec(
  containers: readonly ContainerHandle[],
  count: number,
): Promise<DensityReport['exec']> {
  const samples: number[] = [];
  let succeeded = 0;
  for (let i = 0; i < count; i += 1) {
    const container = containers[randomInt(containers.length)];
    if (container === undefined) break;
    const { value, elapsedMs } = await timed(async () => await container.exec(['true']));
    samples.push(elapsedMs);
    if (value.exitCode === 0) succeeded += 1;
  }
  return { ...latencyOf(samples), succeeded };
}

/** All running containers in one call. */
export async function measureStats(engine: EngineApi): Promise<Throughput> {
  const { value, elapsedMs } = await timed(async () => await engine.containers.stats());
  return throughputOf(value.length, elapsedMs);
}

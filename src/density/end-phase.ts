import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerHandle, EngineApi } from '../engine/contract.js';
import { throughputOf, timed } from './figures.js';
import type { DensityReport, Scenario } from './scenario.js';

/** Kills all containers, then removes them: a removal is told when processes, cgroups, files and record are gone. */
export async function measureEnd(
  engine: EngineApi,
  containers: readonly ContainerHandle[],
): Promise<Pick<DensityReport, 'kill' | 'reclaim'>> {
  const ids = containers.map(({ id }) => id);
  const killed = await timed(async () => await engine.containers.kill(ids));
  const removed = await timed(
    async () => await engine.containers.remove(ids, { force: true, volumes: true }),
  );
  const succeeded = (results: readonly { readonly ok: boolean }[]): number =>
    results.filter(({ ok }) => ok).length;
  return {
    kill: throughputOf(succeeded(killed.value), killed.elapsedMs),
    reclaim: throughputOf(succeeded(removed.value), killed.elapsedMs + removed.elapsedMs),
  };
}

/** Everything that the removed containers left: what the engine finds, and what lies in its directories. */
export async function residueOf(
  engine: EngineApi,
  { engine: { dataRoot, runDir } }: Scenario,
): Promise<readonly string[]> {
  const leaks = await engine.system.leaks({ fix: false });
  const directories = [join(dataRoot, 'containers'), join(dataRoot, 'trash'), join(runDir, 'io')];
  return [
    ...leaks.map(({ kind, object, why }) => `${kind} ${object}: ${why}`),
    ...directories
      .filter((directory) => existsSync(directory))
      .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name))),
  ];
}

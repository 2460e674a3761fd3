import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilEnded } from '../../host/process-identity.js';
import type { Session } from '../session.js';
import type { WorkspacePaths } from '../workspace.js';

const settleMs = 60_000;

/** Everything that the removed containers left while the engine still runs: what it finds itself, and names in its directories. */
export async function engineResidue({ engine, workspace }: Session): Promise<readonly string[]> {
  const { dataRoot, runDir } = workspace.paths.engine;
  const leaks = await engine.system.leaks({ fix: false });
  const directories = ['containers', 'trash'].map((name) => join(dataRoot, name));
  const files = ['fifos', 'plans'].map((name) => join(runDir, name));
  return [
    ...leaks.map(({ kind, object, why }) => `${kind} ${object}: ${why}`),
    ...[...directories, ...files].flatMap(namesIn),
  ];
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

/**
 * What is left on the host when the engine is gone as well: cgroups, mounts and processes. Waits for the ends of processes that it was
 * told of, as long as a settle may take.
 */
export async function hostResidue(
  paths: WorkspacePaths,
  engineProcesses: readonly number[],
): Promise<readonly string[]> {
  const ended = await Promise.all(
    engineProcesses.map(async (pid) => await untilEnded(pid, settleMs)),
  );
  const alive = engineProcesses.filter((_, index) => ended[index] === false);
  return [
    ...alive.map((pid) => `process ${pid}: the engine's, still there`),
    ...cgroupsOf(paths.engine.cgroupParent),
    ...cgroupsOf(`/${paths.name}-raw`),
    ...mountsBelow(paths.base),
  ];
}

/** The group in every hierarchy, with what runs in it. */
export function cgroupsOf(name: string): string[] {
  const root = '/sys/fs/cgroup';
  const hierarchies = ['', ...readdirSync(root)];
  return hierarchies
    .map((hierarchy) => join(root, hierarchy, name))
    .filter((path) => existsSync(join(path, 'cgroup.procs')))
    .map((path) => `cgroup ${path}`);
}

export function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${directory}/`))
    .map((target) => `mount ${target}`);
}

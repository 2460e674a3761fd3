import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WarrenError } from '../../../base/errors.js';
import type { PeerRun, PeerTask } from '../peer.js';
import { Enclosure } from './enclosure.js';
import { makePeerCgroup } from './limited-cgroup.js';
import { writeBundle } from './oci-bundle.js';
import { programsIn } from './processes.js';
import { runProgram } from './program.js';

export interface OciRuntime {
  readonly program: string;
  /** Flags in front of the command. */
  readonly flags: readonly string[];
  /** It refuses hybrid cgroups. */
  readonly withoutUnified: boolean;
}

/** What the variants of every OCI runtime are: they read the same configuration. */
export const ociVariants = {
  default:
    'run --detach with own pid, mount, uts, ipc and network namespace, no limits, no seccomp filter, shared read-only root',
  equal:
    'the same with an own user namespace of 65,536 ids, own cgroup namespace, memory, pids and CPU limits; no seccomp filter, shared read-only root instead of an overlay',
} as const;

/** It said why in its log: its output would be the container's, too. */
function failed({ program }: OciRuntime, log: string): WarrenError {
  const said = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').at(-1) : undefined;
  return new WarrenError(
    'unavailable',
    'PROGRAM_FAILED',
    `Cannot run ${program}: ${said ?? 'it gives no reason'}`,
  );
}

/** @throws WarrenError unavailable when it is not installed or cannot run a container here */
export async function prepareOciRuntime(runtime: OciRuntime, task: PeerTask): Promise<PeerRun> {
  const { stdout } = await runProgram(runtime.program, ['--version']);
  mkdirSync(join(task.directory, 'state'), { recursive: true });
  makePeerCgroup(task);
  const enclosure = await Enclosure.open(task, { withoutUnified: runtime.withoutUnified });
  const command = [runtime.program, ...runtime.flags, '--root', join(task.directory, 'state')];
  const log = join(task.directory, 'log');
  const ids: string[] = [];
  return {
    version: stdout.split('\n')[0] ?? '',
    readiness: 'end of the command, which comes after the program was started',
    launch: async (index) => {
      const bundle = writeBundle(task, index);
      ids.push(`c${index}`);
      const words = ['--log', log, 'run', '--detach', '--bundle', bundle, `c${index}`];
      const result = await enclosure.run([...command, ...words], { collect: false, accept: 'any' });
      if (result.code !== 0) throw failed(runtime, log);
    },
    count: () => programsIn(task.cgroup),
    stop: async () => {
      for (const id of ids.splice(0)) await enclosure.run([...command, 'delete', '--force', id]);
    },
    clean: async () => await enclosure.close(),
  };
}

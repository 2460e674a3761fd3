import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { makePeerCgroup } from './limited-cgroup.js';
import { writeBundle } from './oci-bundle.js';
import type { PeerRun, PeerTask } from './peer.js';
import { runProgram, type ProgramOptions, type ProgramResult } from './program.js';
import { processesIn } from './scrub.js';

export interface OciRuntime {
  readonly program: string;
  /** Flags in front of the command. */
  readonly flags: readonly string[];
  /** Shell lines that come before it, in a mount namespace of their own; empty: none is made. */
  readonly before: string;
}

/** What the variants of every OCI runtime are: they read the same configuration. */
export const ociVariants = {
  default:
    'run --detach with own pid, mount, uts, ipc and network namespace, no limits, no seccomp filter, shared read-only root',
  equal:
    'the same with an own user namespace of 65,536 ids, own cgroup namespace, memory, pids and CPU limits; no seccomp filter, shared read-only root instead of an overlay',
} as const;

/** A command of the runtime; output is dropped where containers would inherit it. */
function runtimeCommand(runtime: OciRuntime, task: PeerTask) {
  return async (args: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> => {
    const all = [...runtime.flags, '--root', join(task.directory, 'state'), ...args];
    if (runtime.before === '') return await runProgram(runtime.program, all, options);
    const script = `${runtime.before}\nexec "$@"`;
    const words = [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      runtime.program,
      ...all,
    ];
    return await runProgram('unshare', words, options);
  };
}

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
  const run = runtimeCommand(runtime, task);
  const { stdout } = await runProgram(runtime.program, ['--version']);
  mkdirSync(join(task.directory, 'state'), { recursive: true });
  makePeerCgroup(task);
  const ids: string[] = [];
  return {
    version: stdout.split('\n')[0] ?? '',
    readiness: 'end of the command, which comes after the program was started',
    launch: async (index) => {
      const bundle = writeBundle(task, index);
      const log = join(task.directory, 'log');
      ids.push(`c${index}`);
      const result = await run(['--log', log, 'run', '--detach', '--bundle', bundle, `c${index}`], {
        collect: false,
        accept: 'any',
      });
      if (result.code !== 0) throw failed(runtime, log);
    },
    count: async () => processesIn(task.cgroup).size,
    stop: async () => {
      for (const id of ids.splice(0)) await run(['delete', '--force', id]);
    },
  };
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, WarrenError } from '../../base/errors.js';
import { makeMemberCgroup, makePeerCgroup } from './limited-cgroup.js';
import type { Peer, PeerTask } from './peer.js';
import { runProgram } from './program.js';
import { processesIn } from './scrub.js';

const lookEveryMs = 1;
const program = 'pause';

export const bwrap: Peer = {
  name: 'bwrap',
  title: 'bubblewrap',
  variants: {
    default: '--unshare-all over a shared read-only root, no limits: it makes no cgroups itself',
    equal:
      'the same as uid 0 with an own host name and pid 1, in cgroups with memory, pids and CPU limits that the benchmark makes; one id, no seccomp filter',
  },
  prepare: async (task) => {
    const { stdout } = await runProgram('bwrap', ['--version']);
    makePeerCgroup(task);
    const started: ChildProcess[] = [];
    return {
      version: stdout.trim(),
      readiness: 'the program is seen in /proc, which is looked at every millisecond',
      launch: async (index) => {
        started.push(await launch(task, index));
      },
      count: async () =>
        [...processesIn(task.cgroup)].filter((pid) => nameOf(pid) === program).length,
      stop: async () => {
        const ends = started.splice(0).map(async (child) => {
          const ended = once(child, 'exit');
          child.kill('SIGKILL');
          await ended;
        });
        await Promise.all(ends);
      },
    };
  },
};

async function launch(task: PeerTask, index: number): Promise<ChildProcess> {
  const groups = makeMemberCgroup(task, index);
  const equal = [
    '--unshare-user',
    '--uid',
    '0',
    '--gid',
    '0',
    '--hostname',
    `c${index}`,
    '--as-pid-1',
  ];
  const words = [
    ...['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', task.rootfs, '/'],
    ...[
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      ...(task.variant === 'equal' ? equal : []),
      `/bin/${program}`,
    ],
  ];
  const enter = groups.map((group) => `echo 0 >'${group}/cgroup.procs'`).join('\n');
  const child = spawn('sh', ['-ec', `${enter}\nexec "$@"`, 'sh', ...words], { stdio: 'ignore' });
  let over = false;
  child.once('exit', () => (over = true));
  while (!descendantsOf(child.pid ?? 0).some((pid) => nameOf(pid) === program)) {
    if (over) {
      throw new WarrenError(
        'unavailable',
        'PROGRAM_FAILED',
        `Cannot run bwrap: it ended with ${child.exitCode ?? 'a signal'}`,
      );
    }
    await delay(lookEveryMs);
  }
  return child;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

function nameOf(pid: number): string {
  return read(`/proc/${pid}/comm`);
}

function descendantsOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(descendantsOf)];
}

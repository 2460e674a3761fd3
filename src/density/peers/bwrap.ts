import type { Peer, PeerTask } from './peer.js';
import { Foreground } from './tools/foreground.js';
import { programName } from './tools/processes.js';
import { runProgram } from './tools/program.js';

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
    const started = new Foreground(task, 'bwrap');
    return {
      version: stdout.trim(),
      readiness: started.readiness,
      launch: async (index) => await started.launch(index, wordsOf(task, index)),
      count: () => started.count(),
      stop: async () => await started.stop(),
    };
  },
};

function wordsOf({ rootfs, variant }: PeerTask, index: number): readonly string[] {
  const asRoot = ['--unshare-user', '--uid', '0', '--gid', '0'];
  const equal = [...asRoot, '--hostname', `c${index}`, '--as-pid-1'];
  return [
    ...['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', rootfs, '/'],
    ...['--proc', '/proc', '--dev', '/dev', ...(variant === 'equal' ? equal : [])],
    `/bin/${programName}`,
  ];
}

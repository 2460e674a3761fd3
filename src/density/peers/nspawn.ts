import type { Peer, PeerTask } from './peer.js';
import { Enclosure } from './tools/enclosure.js';
import { Foreground } from './tools/foreground.js';
import { idBase, idCount } from './tools/id-range.js';
import { makePeerCgroup } from './tools/limited-cgroup.js';
import { programName } from './tools/processes.js';
import { runProgram } from './tools/program.js';

export const nspawn: Peer = {
  name: 'nspawn',
  title: 'systemd-nspawn',
  variants: {
    default:
      "one command a container, not registered with systemd: own pid, mount, uts and ipc namespace, the host's network, seccomp filter, shared read-only root, no limits",
    equal:
      'the same with an own user namespace of 65,536 ids over an id-mapped root, an own network namespace, and memory, pids and CPU limits of cgroups that the benchmark makes',
  },
  prepare: async (task) => {
    const { stdout } = await runProgram('systemd-nspawn', ['--version']);
    makePeerCgroup(task);
    const enclosure = await Enclosure.open(task);
    const started = new Foreground(task, 'systemd-nspawn', enclosure.inside.pid);
    return {
      version: stdout.split('\n')[0] ?? '',
      readiness: started.readiness,
      launch: async (index) => await started.launch(index, wordsOf(task, index)),
      count: () => started.count(),
      stop: async () => await started.stop(),
      clean: async () => await enclosure.close(),
    };
  },
};

function wordsOf({ rootfs, variant }: PeerTask, index: number): readonly string[] {
  const ids = [`--private-users=${idBase(index)}:${idCount}`, '--private-users-ownership=map'];
  return [
    ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit'],
    // There is neither a resolver nor a time zone in the root file system.
    ...['--resolv-conf=off', '--timezone=off'],
    ...[`--machine=c${index}`, `--directory=${rootfs}`, '--read-only'],
    ...(variant === 'equal' ? [...ids, '--private-network'] : []),
    `/bin/${programName}`,
  ];
}

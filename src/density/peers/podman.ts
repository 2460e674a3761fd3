import { join } from 'node:path';
import type { Peer, PeerTask } from './peer.js';
import { Enclosure } from './tools/enclosure.js';
import { idBase, idCount } from './tools/id-range.js';
import { makePeerCgroup } from './tools/limited-cgroup.js';
import { programName, programsIn } from './tools/processes.js';
import { runProgram } from './tools/program.js';
import { archiveRootfs } from './tools/rootfs-archive.js';

const image = 'localhost/pause:latest';

export const podman: Peer = {
  name: 'podman',
  title: 'Podman',
  variants: {
    default:
      'run --detach of an imported image by root: overlay, seccomp filter, bridge network, no limits, no user namespace',
    equal:
      'the same with an own user namespace of 65,536 ids, own cgroup namespace, no network, memory, pids and CPU limits',
  },
  prepare: async (task) => {
    const { stdout } = await runProgram('podman', ['--version']);
    makePeerCgroup(task);
    // crun 1.8, Debian's runtime of Podman, refuses hybrid cgroups.
    const enclosure = await Enclosure.open(task, { withoutUnified: true });
    const command = [
      ...['podman', '--cgroup-manager=cgroupfs', '--events-backend=none'],
      ...['--root', join(task.directory, 'storage')],
      // The enclosure's own /run.
      ...['--runroot', '/run/podman', '--tmpdir', '/run/libpod'],
    ];
    await enclosure.run([...command, 'import', await archiveRootfs(task), image]);
    return {
      version: stdout.trim(),
      readiness: 'end of the command, which comes after the program was started',
      launch: async (index) => {
        await enclosure.run([
          ...command,
          'run',
          ...flagsOf(task, index),
          image,
          `/bin/${programName}`,
        ]);
      },
      count: () => programsIn(task.cgroup),
      stop: async () => {
        await removeAll(async () => {
          await enclosure.run([...command, 'rm', '--force', '--all', '--time', '0']);
        });
      },
      clean: async () => await enclosure.close(),
    };
  },
};

const attempts = 5;

/** Podman 4 fails for single ones with EBUSY, when its own clean-up runs beside (containers/podman issue 11594): they go the next time. */
async function removeAll(remove: () => Promise<void>): Promise<void> {
  for (let left = attempts - 1; ; left -= 1) {
    try {
      await remove();
      return;
    } catch (error) {
      const busy = error instanceof Error && error.message.includes('resource busy');
      if (!busy || left === 0) throw error;
    }
  }
}

function flagsOf(task: PeerTask, index: number): readonly string[] {
  const { cgroup, memoryBytes, pidsLimit, cpus, variant } = task;
  const range = `0:${idBase(index)}:${idCount}`;
  const equal = [
    ...['--uidmap', range, '--gidmap', range, '--cgroupns', 'private', '--network', 'none'],
    ...['--memory', `${memoryBytes}`, '--pids-limit', `${pidsLimit}`, '--cpus', `${cpus}`],
  ];
  return [
    ...['--detach', '--name', `c${index}`, '--cgroup-parent', `/${cgroup}`],
    // Its own choice is above what a root without CAP_SYS_RESOURCE may set.
    ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
    ...(variant === 'equal' ? equal : []),
  ];
}

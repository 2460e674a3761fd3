import type { ChildProcess } from 'node:child_process';
import { end, startTalking } from './background.js';
import { insideWords, type Inside } from './inside.js';
import { helperCgroup } from './limited-cgroup.js';
import type { PeerTask } from '../peer.js';
import { runProgram, type ProgramOptions, type ProgramResult } from './program.js';

export interface EnclosureOptions {
  /** Shell lines that prepare it from inside. */
  readonly script?: string;
  /** Hides the v2 tree of a hybrid host, from what refuses to run beside it. */
  readonly withoutUnified?: boolean;
}

/** Directories whose changes stay in memory: what systems write outside of the places that one can give them. */
const overlaid = ['/etc', '/var/lib', '/var/log', '/var/cache'];

/**
 * Own /run and /dev/shm, changes of others kept apart, own sysfs for the own network namespace. All of it is gone with the last process
 * inside.
 */
const preparation = `
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/lock /run/netns /run/apart
mount -t tmpfs -o mode=1777 shm /dev/shm
for directory in ${overlaid.join(' ')}; do
  [ -d "$directory" ] || continue
  changes=/run/apart/$(echo "$directory" | tr / _)
  mkdir -p "$changes/upper" "$changes/work"
  mount -t overlay -o "lowerdir=$directory,upperdir=$changes/upper,workdir=$changes/work" apart "$directory"
done
mkdir /run/groups
mount --rbind /sys/fs/cgroup /run/groups
mount -t sysfs sysfs /sys
mount --rbind /run/groups /sys/fs/cgroup
umount --recursive /run/groups
ip link set lo up
`;

const hideUnified = 'if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi';

/** Mount and network namespaces of a peer, held by a process in its cgroup: whatever it mounts, links or writes beside is in them. */
export class Enclosure {
  readonly #holder: ChildProcess;
  /** Of its daemons and commands. */
  readonly inside: Inside;

  readonly #signal: AbortSignal;

  private constructor(holder: ChildProcess, inside: Inside, signal: AbortSignal) {
    this.#holder = holder;
    this.inside = inside;
    this.#signal = signal;
  }

  /** @throws WarrenError unavailable: a step of the preparation failed */
  static async open(task: PeerTask, options: EnclosureOptions = {}): Promise<Enclosure> {
    const { script = '', withoutUnified = false } = options;
    const cgroup = helperCgroup(task);
    const lines = [
      preparation,
      withoutUnified ? hideUnified : '',
      script,
      'echo ready',
      'exec cat',
    ];
    const words = ['unshare', '--mount', '--net', '--propagation', 'private', 'sh', '-ec'];
    const holder = await startTalking(
      insideWords({ cgroup, pid: 0 }, [...words, lines.join('\n')]),
      { name: 'unshare', ready: 'ready\n', signal: task.signal },
    );
    return new Enclosure(holder, { cgroup, pid: holder.pid ?? 0 }, task.signal);
  }

  /** Runs a program inside to its end; the task's signal ends it. */
  async run(command: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
    const [program, ...args] = insideWords(this.inside, command);
    return await runProgram(program, args, {
      signal: this.#signal,
      ...options,
      name: command[0] ?? '',
    });
  }

  /** Ends the holder: the namespaces go with the last process in them. */
  async close(): Promise<void> {
    await end(this.#holder);
  }
}

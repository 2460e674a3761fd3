import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { PeerTask } from '../peer.js';
import { end, startWatched } from './background.js';
import { insideWords } from './inside.js';
import { limitCpu, makeMemberCgroup, makePeerCgroup, memberCgroup } from './limited-cgroup.js';
import { programsIn, runsBelow } from './processes.js';

/** Containers of a command that stays for as long as its container runs, each in a cgroup that is made for it. */
export class Foreground {
  readonly readiness = 'the program is seen in /proc, which is looked at every millisecond';
  readonly #started: ChildProcess[] = [];
  readonly #task: PeerTask;
  readonly #name: string;
  /** Whose namespaces they start from. */
  readonly #pid: number;

  constructor(task: PeerTask, name: string, pid = 0) {
    this.#task = task;
    this.#name = name;
    this.#pid = pid;
    makePeerCgroup(task);
  }

  async launch(index: number, words: readonly string[]): Promise<void> {
    const { directory, signal } = this.#task;
    makeMemberCgroup(this.#task, index);
    const inside = { cgroup: memberCgroup(this.#task, index), pid: this.#pid };
    const child = await startWatched(insideWords(inside, words), {
      name: this.#name,
      log: join(directory, 'log'),
      isReady: runsBelow,
      signal,
    });
    limitCpu(this.#task, index);
    this.#started.push(child);
  }

  count(): number {
    return programsIn(this.#task.cgroup);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.splice(0).map(end));
  }
}

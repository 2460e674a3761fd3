import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { tryLock, unlock, waitForLock } from 'fs-native-extensions';

const lookAgainMs = 2;

/** Of this thread, by path: engines of one data root share theirs. */
const gates = new Map<string, Gate>();

/**
 * Lets one process at a time through: to open or close the database of a data root, or to write to it. LMDB 1.0 (in lmdb 3.5.6 and
 * before, `mdb_env_open2`) sets the number of the last transaction when a database is opened, from a header that it read a
 * moment before: a commit of that moment would be written over by the next one. And the last process that closes destroys
 * locks that one that opens has already found in order. The lock is the kernel's (F_OFD_SETLK, fcntl(2)) and ends with its process.
 * Not `host/process-lock.ts`: that one holds within one network namespace only, and takes turns of the event loop, where every launch
 * passes here.
 */
export class Gate {
  readonly #path: string;
  readonly #fd: number;
  #users = 0;
  #last: Promise<unknown> = Promise.resolve();
  #busy = 0;

  private constructor(path: string) {
    this.#path = path;
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    this.#fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  }

  /** The gate of a data root; to be given back with `leave`. */
  static enter(dataRoot: string): Gate {
    const path = `${realpathSync(dataRoot)}/records.lock`;
    const gate = gates.get(path) ?? new Gate(path);
    gates.set(path, gate);
    gate.#users += 1;
    return gate;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    gates.delete(this.#path);
    closeSync(this.#fd);
  }

  /** Does `work` while no other process, and nothing else in this one, is through. */
  async through<T>(work: () => T | Promise<T>): Promise<T> {
    this.#busy += 1;
    const turn = this.#busy === 1 ? this.#pass(work) : this.#last.then(() => this.#pass(work));
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    return await turn;
  }

  async #pass<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      if (!tryLock(this.#fd)) await this.#wait();
      try {
        return await work();
      } finally {
        unlock(this.#fd);
      }
    } finally {
      this.#busy -= 1;
    }
  }

  /** The threads of the pool belong to all of a process's workers: were they to wait there, none might be left for the one that is through. */
  async #wait(): Promise<void> {
    if (isMainThread) await waitForLock(this.#fd);
    else while (!tryLock(this.#fd)) await delay(lookAgainMs);
  }
}

import type { RootDatabase } from 'lmdb';
import type { Gate } from './gate.js';

interface Waiting {
  readonly start: () => void;
  readonly done: Promise<unknown>;
}

/**
 * Writes to the database through the gate. What is asked for while one commit is under way becomes the next one: all of it is handed
 * to lmdb at once, which makes one commit of it.
 */
export class Writer {
  readonly gate: Gate;
  readonly #root: RootDatabase;
  #waiting: Waiting[] = [];
  #turn: Promise<void> | undefined;

  constructor(root: RootDatabase, gate: Gate) {
    this.#root = root;
    this.gate = gate;
  }

  /** Does `change`, which reads and writes without waiting for anything, in one transaction with the others of its commit. */
  async write<T>(change: () => T): Promise<T> {
    const { promise, resolve } = deferred<T>();
    this.#waiting.push({
      start: () => {
        resolve(this.#root.transaction(change));
      },
      done: promise,
    });
    this.#turn ??= this.#turns();
    return await promise;
  }

  /** Resolves when nothing is being written any more, however it ended. */
  async settled(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn;
  }

  async #turns(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.gate.through(async () => {
          const batch = this.#waiting;
          this.#waiting = [];
          for (const { start } of batch) start();
          await Promise.allSettled(batch.map(({ done }) => done));
        });
      }
    } finally {
      this.#turn = undefined;
    }
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | Promise<T>) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] | undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  if (resolve === undefined) throw new Error('unreachable: a promise starts at once');
  return { promise, resolve };
}

import type { RootDatabase } from 'lmdb';
import type { Gate } from './gate.js';

interface Waiting {
  /** Hands the change to lmdb before it first waits; never rejects. */
  readonly commit: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

/**
 * Writes to the database through the gate. What is asked for while one commit is under way becomes the next one: all of it is handed
 * to lmdb at once, which makes one commit of it.
 */
export class Writer {
  readonly gate: Gate;
  readonly #root: RootDatabase;
  #waiting: Waiting[] = [];
  #soon: Waiting[] = [];
  #soonest: NodeJS.Immediate | undefined;
  #turn: Promise<void> | undefined;

  constructor(root: RootDatabase, gate: Gate) {
    this.#root = root;
    this.gate = gate;
  }

  /** Does `change`, which reads and writes without waiting for anything, in one transaction with the others of its commit. */
  async write<T>(change: () => T): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const waiting: Waiting = {
        fail: reject,
        commit: async () => {
          try {
            resolve(await this.#root.transaction(change));
          } catch (error) {
            waiting.fail(error);
          }
        },
      };
      this.#waiting.push(waiting);
      this.#turn ??= this.#turns();
    });
  }

  /**
   * Does `change`, for which nobody waits, with the commit of what is asked for in this turn of the event loop; without any, in one
   * of its own. When it fails it is given up.
   */
  soon(change: () => void): void {
    this.#soon.push({
      fail: () => undefined,
      commit: async () => {
        await this.#root.transaction(change).catch(() => undefined);
      },
    });
    this.#soonest ??= setImmediate(() => {
      this.#writeSoon();
    });
  }

  /** Resolves when nothing is being written any more, however it ended. */
  async settled(): Promise<void> {
    this.#writeSoon();
    while (this.#turn !== undefined) await this.#turn;
  }

  #writeSoon(): void {
    if (this.#soon.length > 0) this.#turn ??= this.#turns();
  }

  async #turns(): Promise<void> {
    while (this.#waiting.length + this.#soon.length > 0) {
      try {
        await this.gate.through(async () => {
          await Promise.all(this.#take().map(async ({ commit }) => commit()));
        });
      } catch (error) {
        // The gate did not let it through: nothing was written.
        for (const { fail } of this.#take()) fail(error);
      }
    }
    this.#turn = undefined;
  }

  #take(): readonly Waiting[] {
    const taken = [...this.#waiting, ...this.#soon];
    clearImmediate(this.#soonest);
    this.#soonest = undefined;
    this.#waiting = [];
    this.#soon = [];
    return taken;
  }
}

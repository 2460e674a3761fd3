import { errnoOf, isWarrenError } from '../../base/errors.js';
/**
 * Frees what was removed, behind the removals: they only put it aside. What cannot be freed stays there, where the leak check finds it.
 */
export class Reclaimer {
  readonly #works: readonly (() => Promise<void>)[];
  #current: Promise<void> | undefined;
  #again = false;
  #holders = 0;

  /** @param works each frees all of one kind */
  constructor(works: readonly (() => Promise<void>)[]) {
    this.#works = works;
  }

  /** There is something new to be freed. */
  schedule(): void {
    this.#again = true;
    if (this.#holders === 0) this.#start();
  }

  /** What is scheduled until the end of the hold is freed then: behind a batch of removals, not in its way. */
  hold(): Disposable {
    this.#holders += 1;
    return {
      [Symbol.dispose]: () => {
        this.#holders -= 1;
        if (this.#again && this.#holders === 0) this.#start();
      },
    };
  }

  /** Resolves when all that was scheduled is done, held or not. */
  async idle(): Promise<void> {
    if (this.#again) this.#start();
    while (this.#current !== undefined) await this.#current;
  }

  #start(): void {
    this.#current ??= this.#run();
  }

  async #run(): Promise<void> {
    // Not in the caller's turn: what is removed in it is freed at once.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#again) {
      this.#again = false;
      for (const work of this.#works) await attempt(work);
    }
    this.#current = undefined;
  }
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isWarrenError(error) && errnoOf(error) === undefined) throw error;
  }
}

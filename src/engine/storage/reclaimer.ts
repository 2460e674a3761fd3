import { errnoOf, isWarrenError } from '../../base/errors.js';
/**
 * Frees what was removed, behind the removals: they only put it aside. What cannot be freed stays there, where the leak check finds it.
 */
export class Reclaimer {
  readonly #works: readonly (() => Promise<void>)[];
  #current: Promise<void> | undefined;
  #again = false;

  /** @param works each frees all of one kind */
  constructor(works: readonly (() => Promise<void>)[]) {
    this.#works = works;
  }

  /** There is something new to be freed. */
  schedule(): void {
    this.#again = true;
    this.#current ??= this.#run();
  }

  /** Resolves when all that was scheduled is done. */
  async idle(): Promise<void> {
    await this.#current;
  }

  async #run(): Promise<void> {
    // Not in the caller's turn: a batch of removals is freed at once.
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

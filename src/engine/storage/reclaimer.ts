import { errnoOf, isWarrenError } from '../../base/errors.js';
import type { StorageDriver } from '../../storage/driver.js';

/**
 * Frees the space of what was removed, behind the removals: they only rename into the trash. What cannot be freed stays
 * there, where the leak check finds it.
 */
export class Reclaimer {
  readonly #storage: Pick<StorageDriver, 'emptyTrash'>;
  #current: Promise<void> | undefined;
  #again = false;

  constructor(storage: Pick<StorageDriver, 'emptyTrash'>) {
    this.#storage = storage;
  }

  /** There is something new in the trash. */
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
      try {
        await this.#storage.emptyTrash();
      } catch (error) {
        if (!isWarrenError(error) && errnoOf(error) === undefined) throw error;
      }
    }
    this.#current = undefined;
  }
}

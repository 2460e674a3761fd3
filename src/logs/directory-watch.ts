import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Tells when a log or its siblings change. A change between two waits is not missed. */
export class DirectoryWatch {
  readonly #watcher: FSWatcher;
  readonly #signal: AbortSignal | undefined;
  #changed = false;
  #failure: Error | undefined;
  #resume: (() => void) | undefined;

  readonly wake = (): void => {
    this.#changed = true;
    this.#resume?.();
  };

  constructor(path: string, signal: AbortSignal | undefined) {
    const name = basename(path);
    this.#watcher = watch(dirname(path), (_, changed) => {
      if (changed?.startsWith(name) !== false) this.wake();
    });
    this.#watcher.on('error', (error) => {
      this.#failure = error;
      this.wake();
    });
    this.#signal = signal;
    signal?.addEventListener('abort', this.wake, { once: true });
  }

  /** Resolves at the next change, at once when there was one since the last call. */
  async changed(): Promise<void> {
    if (!this.#changed) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    this.#changed = false;
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.wake);
    this.#watcher.close();
  }
}

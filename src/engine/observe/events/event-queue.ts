/** Between producers that never wait and one reader. A reader that falls far behind gets an error, not endless memory. */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #signal: AbortSignal;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  push(item: T): void {
    if (this.#items.length >= maximumQueued) {
      this.fail(new Error(`The reader of events fell ${maximumQueued} behind`));
      return;
    }
    this.#items.push(item);
    this.#wake?.();
  }

  /** What waits now. */
  take(): T[] {
    return this.#items.splice(0);
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      yield* this.#items.splice(0);
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#signal.aborted) return;
      if (this.#items.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

const maximumQueued = 1_000_000;

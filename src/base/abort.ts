import { WarrenError } from './errors.js';

/** The error of a call whose AbortSignal fired. */
export function canceledError(what: string, signal: AbortSignal): WarrenError {
  const reason: unknown = signal.reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return new WarrenError(
    timedOut ? 'timedOut' : 'canceled',
    timedOut ? 'TIMED_OUT' : 'CANCELED',
    `Cannot ${what}: ${timedOut ? 'the time is up' : 'it was canceled'}`,
    { cause: reason },
  );
}

/** @throws WarrenError canceled (or timedOut) naming `what`: `stop container web` */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw canceledError(what, signal);
}

/**
 * The promise, or canceled as soon as the signal fires. The work itself goes on: pass the signal to it as well where it
 * takes one.
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> {
  if (signal === undefined) return promise;
  throwIfAborted(signal, what);
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(canceledError(what, signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/**
 * A signal of one's own that also fires with the first of some others, for its reason. `AbortSignal.any` is not used: what it
 * makes of a timeout is collected by Node 20 while something listens to it, and then never fires.
 */
export class LinkedAbort implements Disposable {
  readonly #own = new AbortController();
  readonly #links: (() => void)[] = [];

  constructor(...sources: readonly (AbortSignal | undefined)[]) {
    for (const source of sources) {
      if (source === undefined) continue;
      const follow = (): void => this.#own.abort(source.reason);
      if (source.aborted) follow();
      source.addEventListener('abort', follow, { once: true });
      this.#links.push(() => source.removeEventListener('abort', follow));
    }
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  abort(reason?: unknown): void {
    this.#own.abort(reason);
  }

  /** Does not abort: the others are not followed any more. */
  [Symbol.dispose](): void {
    for (const unlink of this.#links.splice(0)) unlink();
  }
}

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

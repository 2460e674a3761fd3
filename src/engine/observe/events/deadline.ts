import type { Clock } from '../../../base/clock.js';

/** The longest time that a timer of Node takes. */
const longestMs = 2 ** 31 - 1;

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/** Aborts after `timeMs` (ms since the epoch), also when that is years away. Infinity, or a time that is over: never. */
export function abortAt(timeMs: number, clock: Pick<Clock, 'now'>): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const left = timeMs - clock.now() + 1;
    if (left <= 0) controller.abort();
    else timer = setTimeout(wait, Math.min(left, longestMs));
  };
  if (Number.isFinite(timeMs) && timeMs > clock.now()) wait();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}

import { setTimeout as delay } from 'node:timers/promises';

/** Time as an argument, so that tests can hold it still. */
export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** ms that never go back. */
  monotonic(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

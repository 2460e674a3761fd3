/** What one step did to how many, in which time. */
export interface Throughput {
  readonly count: number;
  readonly elapsedMs: number;
  readonly perSecond: number;
}

export function throughputOf(count: number, elapsedMs: number): Throughput {
  return { count, elapsedMs, perSecond: elapsedMs === 0 ? 0 : (count / elapsedMs) * 1000 };
}

/** Runs `work` and tells how long it took. */
export async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly elapsedMs: number }> {
  const start = performance.now();
  const value = await work();
  return { value, elapsedMs: performance.now() - start };
}

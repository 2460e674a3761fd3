/** Summaries of samples. */

export interface Latency {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maximumMs: number;
}

/** Percentiles by nearest rank; all 0 without samples. */
export function latencyOf(samplesMs: readonly number[]): Latency {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    samples: sorted.length,
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    maximumMs: sorted.at(-1) ?? 0,
  };
}

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

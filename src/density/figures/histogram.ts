import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** Times are kept as whole microseconds, to three significant digits, however far they spread. */
const microsecondsPerMs = 1000;

/** A distribution of times. `encoded` is the whole histogram in µs (HdrHistogram V2, compressed, base64). */
export interface Distribution {
  readonly samples: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maximumMs: number;
  readonly encoded: string;
}

/** Collects times. */
export class Recorder {
  readonly #histogram: Histogram = build({
    bitBucketSize: 64,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: 3,
  });

  record(ms: number): void {
    this.#histogram.recordValue(Math.max(1, Math.round(ms * microsecondsPerMs)));
  }

  get samples(): number {
    return this.#histogram.totalCount;
  }

  /** @param share 0 to 1 */
  quantileMs(share: number): number {
    return this.#histogram.getValueAtPercentile(share * 100) / microsecondsPerMs;
  }

  get distribution(): Distribution {
    const { totalCount, mean, maxValue } = this.#histogram;
    const empty = totalCount === 0;
    return {
      samples: totalCount,
      meanMs: empty ? 0 : mean / microsecondsPerMs,
      p50Ms: this.quantileMs(0.5),
      p90Ms: this.quantileMs(0.9),
      p99Ms: this.quantileMs(0.99),
      p999Ms: this.quantileMs(0.999),
      maximumMs: empty ? 0 : maxValue / microsecondsPerMs,
      encoded: encodeIntoCompressedBase64(this.#histogram),
    };
  }
}

export function distributionOf(samplesMs: readonly number[]): Distribution {
  const recorder = new Recorder();
  for (const ms of samplesMs) recorder.record(ms);
  return recorder.distribution;
}

const curveShares = [
  0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999,
];

/** The curve of a distribution as `[share of the samples, ms]`, finer towards the slow end, as far as samples tell. */
export function percentileCurve({
  encoded,
  samples,
}: Distribution): readonly (readonly [number, number])[] {
  const histogram = decodeFromCompressedBase64(encoded);
  return curveShares
    .filter((share) => (1 - share) * samples >= 1)
    .map((share) => [share, histogram.getValueAtPercentile(share * 100) / microsecondsPerMs]);
}

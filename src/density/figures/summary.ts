/** A figure over several runs: the middle one, and how far they spread. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: medianOf(values),
    least: values.length === 0 ? 0 : Math.min(...values),
    most: values.length === 0 ? 0 : Math.max(...values),
    runs: values.length,
  };
}

/** The middle value, or the mean of the two in the middle; 0 without values. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** How far two figures are from each other, as a share of the smaller one. 0: alike. */
export function driftOf(first: number, second: number): number {
  const least = Math.min(first, second);
  return least === 0 ? Number.POSITIVE_INFINITY : Math.max(first, second) / least - 1;
}

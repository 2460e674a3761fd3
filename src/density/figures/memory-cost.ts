/** One reading of the population's memory. */
export interface CostPoint {
  readonly count: number;
  readonly bytes: number;
}

export interface MemoryCost {
  /** Bytes that every container costs, however many there are. */
  readonly linearBytes: number;
  /** Bytes that each pair of containers costs: the term in the square of the count. */
  readonly quadraticBytes: number;
  /** What memory cgroups times superblocks account for: 16 bytes for each pair, per superblock of a container. */
  readonly expectedQuadraticBytes: number;
  /** Containers at which the quadratic part is as large as the linear one. */
  readonly equalAt: number | null;
}

/** struct list_lru_memcg and shrinker_info: for each memory cgroup, per superblock that is alive (docs/density.md). */
export const bytesPerSuperblock = 16;

/**
 * Tells the linear from the quadratic part of a cost by two counts: bytes = a·n + b·n². Only above the superblock mark does the
 * second term show; below, the mark has already been paid for and the cost looks linear.
 * @returns null when the two points do not determine it
 */
export function memoryCostOf(
  [first, second]: readonly [CostPoint, CostPoint],
  superblocks: number,
): MemoryCost | null {
  if (first.count <= 0 || second.count <= first.count) return null;
  const each = (point: CostPoint): number => point.bytes / point.count;
  const quadraticBytes = (each(second) - each(first)) / (second.count - first.count);
  const linearBytes = each(first) - quadraticBytes * first.count;
  return {
    linearBytes,
    quadraticBytes,
    expectedQuadraticBytes: bytesPerSuperblock * superblocks,
    equalAt: quadraticBytes <= 0 ? null : Math.round(linearBytes / quadraticBytes),
  };
}

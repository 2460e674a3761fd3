import { meminfoBytes, readMeminfo } from './meminfo.js';

/**
 * The kernel's reclaim looks at each pair of memory cgroup and superblock. Up to here a pass takes about a second or less; with
 * 14,000 containers (a thousand million pairs) a host that had 1.2 GiB available and 0.3 free took minutes for one fork.
 */
const cheapPairs = 20_000_000;

export interface Population {
  readonly containers: number;
  /** Of each container. */
  readonly superblocks: number;
}

export interface Headroom {
  readonly bytes: number;
  /** What of the host's memory counts. */
  readonly counted: 'available' | 'free';
}

/** What containers may still take of the host's memory: with many of them, only what nothing has to be reclaimed for. */
export function headroomOf(
  { containers, superblocks }: Population,
  text: string = readMeminfo(),
): Headroom {
  const available = meminfoBytes('MemAvailable', text);
  const free = meminfoBytes('MemFree', text);
  const cheap = containers ** 2 * superblocks <= cheapPairs;
  return cheap || available <= free
    ? { bytes: available, counted: 'available' }
    : { bytes: free, counted: 'free' };
}

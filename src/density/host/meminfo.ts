import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const kibibyte = 1024;

/** What /proc/meminfo tells, in bytes, as far as a population of containers shows there. */
export interface MemoryReading {
  readonly available: number;
  readonly user: number;
  readonly shmem: number;
  readonly slab: number;
  readonly slabUnreclaimable: number;
  readonly pageTables: number;
  readonly kernelStacks: number;
  readonly perCpu: number;
  readonly vmalloc: number;
}

const fields: Readonly<Record<keyof MemoryReading, string>> = {
  available: 'MemAvailable',
  user: 'AnonPages',
  shmem: 'Shmem',
  slab: 'Slab',
  slabUnreclaimable: 'SUnreclaim',
  pageTables: 'PageTables',
  kernelStacks: 'KernelStack',
  perCpu: 'Percpu',
  vmalloc: 'VmallocUsed',
};

/** A field of /proc/meminfo in bytes; 0 where this kernel has none. */
export function meminfoBytes(field: string, text: string = readMeminfo()): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text);
  return Number(line?.[1] ?? 0) * kibibyte;
}

export function readMeminfo(): string {
  return readFileSync('/proc/meminfo', 'utf8');
}

export function readMemory(): MemoryReading {
  const text = readMeminfo();
  const entries = Object.entries(fields).map(
    ([key, field]) => [key, meminfoBytes(field, text)] as const,
  );
  return Object.fromEntries(entries) as Record<keyof MemoryReading, number>;
}

/** What was taken between two readings; negative where something was given back. */
export function memoryTaken(before: MemoryReading, after: MemoryReading): MemoryReading {
  const entries = Object.keys(fields).map((name) => {
    const key = name as keyof MemoryReading;
    const grown = after[key] - before[key];
    return [key, key === 'available' ? -grown : grown];
  });
  return Object.fromEntries(entries) as Record<keyof MemoryReading, number>;
}

const lookEveryMs = 250;
const defaultLongestMs = 10_000;
/** Less than this between two looks: settled. */
const stillBytes = 2 * 1024 * kibibyte;

/** A reading after the kernel's own threads have done what they had put off, or after ten seconds (`longestMs`). */
export async function settledMemory(
  signal?: AbortSignal,
  longestMs: number = defaultLongestMs,
): Promise<MemoryReading> {
  const end = performance.now() + longestMs;
  let last = readMemory();
  for (;;) {
    await delay(lookEveryMs, undefined, signal === undefined ? {} : { signal });
    const next = readMemory();
    const moved = Math.abs(next.available - last.available) + Math.abs(next.slab - last.slab);
    if (moved < stillBytes || performance.now() > end) return next;
    last = next;
  }
}

/** The machine's memory, and what inflates it. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const kibibyte = 1024;
/** Enough to stand out of what the rest of the machine does meanwhile. */
const markGroups = 256;

/** A field of /proc/meminfo, in bytes. */
export function meminfoBytes(field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync('/proc/meminfo', 'utf8'),
  );
  return Number(line?.[1] ?? 0) * kibibyte;
}

/**
 * Kernel memory of an empty memory cgroup. Each carries 16 bytes for every superblock that was ever alive at the same time
 * since boot: a machine that once held many containers shows larger figures until it is started again. Fresh: about 15 KiB.
 * @returns bytes; null where no memory cgroup can be made below the root
 */
export function memoryCgroupBytes(name: string): number | null {
  const v1 = '/sys/fs/cgroup/memory';
  const parent = join(existsSync(v1) ? v1 : '/sys/fs/cgroup', name);
  mkdirSync(parent);
  try {
    return existsSync(join(parent, 'memory.stat')) ? slabOfGroups(parent) : null;
  } finally {
    rmdirSync(parent);
  }
}

function slabOfGroups(parent: string): number {
  const groups = Array.from({ length: markGroups }, (_, index) => join(parent, `${index}`));
  const before = meminfoBytes('Slab');
  for (const group of groups) mkdirSync(group);
  const grown = meminfoBytes('Slab') - before;
  for (const group of groups) rmdirSync(group);
  return Math.max(0, grown / markGroups);
}

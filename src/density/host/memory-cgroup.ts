import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors.js';
import { medianOf } from '../figures/summary.js';
import { meminfoBytes } from './meminfo.js';

/** Enough to stand out of what the rest of the machine does meanwhile. */
const groupsMade = 256;
const rounds = 3;

/**
 * Kernel memory of an empty memory cgroup: the superblock mark. Each carries 16 bytes for every superblock that was ever alive at
 * the same time since boot, so a machine that once held many containers shows larger figures until it is started again. Fresh:
 * about 15 KiB. The middle one of three rounds: neighbours add to some, and take from others.
 * @param name a cgroup below the root that does not exist
 * @returns bytes; null where no memory cgroup can be made below the root
 */
export function memoryCgroupBytes(name: string): number | null {
  const v1 = '/sys/fs/cgroup/memory';
  const parent = join(existsSync(v1) ? v1 : '/sys/fs/cgroup', name);
  removeGroup(parent);
  mkdirSync(parent);
  try {
    if (!existsSync(join(parent, 'memory.stat'))) return null;
    return medianOf(Array.from({ length: rounds }, () => slabOfGroups(parent)));
  } finally {
    removeGroup(parent);
  }
}

/** Removes what a probe that was killed left, too. */
export function removeGroup(parent: string): void {
  for (let index = 0; index < groupsMade; index += 1) removeEmpty(join(parent, `${index}`));
  removeEmpty(parent);
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function slabOfGroups(parent: string): number {
  const groups = Array.from({ length: groupsMade }, (_, index) => join(parent, `${index}`));
  const before = meminfoBytes('Slab');
  for (const group of groups) mkdirSync(group);
  const grown = meminfoBytes('Slab') - before;
  for (const group of groups) rmdirSync(group);
  return Math.max(0, grown / groupsMade);
}

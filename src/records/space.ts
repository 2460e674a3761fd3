import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, WarrenError } from '../base/errors.js';

/** Below this nothing new is recorded: what is there must still be changed and removed. */
const leftForChanges = 2 ** 20;
/** Held by a file, and let go of when a change meets a full disk: others may have taken the rest. */
const spareBytes = 2 ** 19;
/** More than the largest change writes. */
const changeBytes = 2 ** 18;

function spareFile(directory: string): string {
  return join(directory, 'spare');
}

/** What root may use. */
function freeBytes(directory: string): number {
  const { bfree, bsize } = statfsSync(directory);
  return bfree * bsize;
}

/** Bytes that do not compress: the file has to hold its space. */
function keepSpare(directory: string): void {
  const path = spareFile(directory);
  if (existsSync(path)) return;
  try {
    writeFileSync(path, randomBytes(spareBytes), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * Refuses to begin something new on a full disk. A commit that meets the end of the disk ends the process (lmdb keeps a promise
 * to itself that is rejected then), so it must not come to that.
 * @throws WarrenError exhausted (DISK_FULL)
 */
export function requireSpace(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < leftForChanges) throw fullDisk('record anything new', directory);
  keepSpare(directory);
}

/**
 * The same for a change of what is there, or its removal, which has space that was kept for it.
 * @throws WarrenError exhausted (DISK_FULL)
 */
export function requireSpaceToChange(directory: string): void {
  if (freeBytes(directory) >= changeBytes) return;
  rmSync(spareFile(directory), { force: true });
  if (freeBytes(directory) < changeBytes) throw fullDisk('change what is recorded', directory);
}

function fullDisk(what: string, directory: string): WarrenError {
  return new WarrenError(
    'exhausted',
    'DISK_FULL',
    `Cannot ${what} in ${directory}: no space is left on its device`,
    { hint: 'Free space there, or choose another data root' },
  );
}

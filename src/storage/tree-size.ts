import type { Stats } from 'node:fs';
import { errnoOf } from '../base/errors.js';
import { DirectoryHandle } from '../host/tree/directory-handle.js';
import { readNames } from '../host/tree/read-names.js';

/** Deeper directories than this, which only malice makes, do not count. */
const maximumDepth = 512;

/**
 * Apparent bytes of the regular files below a directory. Links are never followed, each file counts once
 * however many names it has, and what disappears while we look does not count. Missing: 0.
 */
export async function treeSize(directory: string): Promise<number> {
  const seen = new Set<string>();
  let root: DirectoryHandle;
  try {
    root = await DirectoryHandle.open(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
  await using owned = root;
  return await sizeBelow(owned, seen, 0);
}

async function sizeBelow(
  directory: DirectoryHandle,
  seen: Set<string>,
  depth: number,
): Promise<number> {
  let bytes = 0;
  for await (const name of readNames(directory)) {
    const stats = await unlessGone(directory.lstat(name));
    if (stats?.isFile() === true && isFirst(stats, seen)) bytes += stats.size;
    if (stats?.isDirectory() !== true || depth >= maximumDepth) continue;
    const child = await unlessGone(directory.openChild(name));
    if (child === null) continue;
    await using owned = child;
    bytes += await sizeBelow(owned, seen, depth + 1);
  }
  return bytes;
}

function isFirst(stats: Stats, seen: Set<string>): boolean {
  if (stats.nlink <= 1) return true;
  const key = `${stats.dev}:${stats.ino}`;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

/** Null when the name went away or became something else in the meantime. */
export async function unlessGone<T>(access: Promise<T>): Promise<T | null> {
  try {
    return await access;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null;
    throw error;
  }
}

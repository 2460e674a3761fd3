import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../base/errors.js';

/** An open log file; its name may change (rotation), its inode does not. */
export interface LogFile extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly inode: number;
  readonly size: number;
  readonly modifiedMs: number;
}

/** Opens a log of ours; a link or FIFO that somebody put there is not followed. null when it is missing. */
export async function openLog(path: string): Promise<LogFile | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
  const { ino, size, mtimeMs } = await handle.stat();
  return {
    handle,
    inode: ino,
    size,
    modifiedMs: mtimeMs,
    [Symbol.asyncDispose]: async () => {
      await handle.close();
    },
  };
}

/** Paths of a log and its rotated siblings (`path.1` is the newest of them), oldest first. */
export async function logPaths(path: string): Promise<readonly string[]> {
  const name = basename(path);
  let names: string[];
  try {
    names = await readdir(dirname(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  const numbers = names
    .filter((candidate) => candidate.startsWith(`${name}.`))
    .map((candidate) => Number(candidate.slice(name.length + 1)))
    .filter((number) => Number.isSafeInteger(number) && number > 0)
    .sort((a, b) => b - a);
  const rotated = numbers.map((number) => join(dirname(path), `${name}.${number}`));
  return names.includes(name) ? [...rotated, path] : rotated;
}

/**
 * The path of what was written after the file with this inode: its successor after any number of rotations, the oldest that is
 * left when it is gone itself, null when it is still the newest.
 */
export async function successorOf(path: string, inode: number): Promise<string | null> {
  const paths = await logPaths(path);
  for (const [index, candidate] of paths.entries()) {
    if ((await inodeOf(candidate)) === inode) return paths[index + 1] ?? null;
  }
  return paths[0] ?? null;
}

async function inodeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

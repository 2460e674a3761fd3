import { randomBytes } from 'node:crypto';
import {
  close,
  constants,
  open,
  opendir,
  rename,
  rmdir,
  unlink,
  type Dir,
  type PathLike,
} from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from '../../base/errors.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const openDirectoryStream: (
  path: string,
  options: { readonly encoding: BufferEncoding; readonly bufferSize: number },
) => Promise<Dir> = promisify(opendir);
const renameEntry: (from: PathLike, to: PathLike) => Promise<void> = promisify(rename);
const removeDirectory: (path: PathLike) => Promise<void> = promisify(rmdir);
const removeFile = promisify(unlink);

/**
 * Removes everything below `directory`, and it, too. Made for trees that a container left: they may be
 * deeper than any path is long, have names that are not UTF-8, and links that lead elsewhere. Each
 * directory that is not empty moves up to the top first, so no path has more than two components and two
 * descriptors suffice. Others may remove it at the same time, and a program that was killed half way may still
 * write its last: that goes, too. Missing: nothing happens.
 */
export async function removeTree(directory: string | Buffer): Promise<void> {
  for (;;) {
    const top = await openDirectory(directory);
    if (top === null) return;
    try {
      await new TreeRemoval(top).run();
    } finally {
      await closeFile(top);
    }
    if (await removeEmpty(directory)) return;
  }
}

/** False when somebody has put something into it meanwhile. */
async function removeEmpty(directory: PathLike): Promise<boolean> {
  try {
    await removeDirectory(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOTEMPTY') return false;
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  return true;
}

async function openDirectory(path: string | Buffer): Promise<number | null> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  return (await unlessGone(openFile(path, flags))) ?? null;
}

/** Someone else who removes the same tree is welcome. */
async function unlessGone<T>(action: Promise<T>): Promise<T | undefined> {
  try {
    return await action;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

class TreeRemoval {
  private readonly top: string;
  /** Not to be guessed: the tree's owner could have put the names there. */
  private readonly prefix = randomBytes(12).toString('hex');
  private moved = 0;

  constructor(top: number) {
    this.top = `/proc/self/fd/${top}`;
  }

  /** Moving up fills the top again, so it is read until a pass finds nothing. */
  async run(): Promise<void> {
    while ((await this.empty(this.top)) > 0) continue;
  }

  /** One pass over a directory; returns how many entries it met. */
  private async empty(directory: string): Promise<number> {
    const entries = await openDirectoryStream(directory, {
      encoding: 'latin1',
      bufferSize: 256,
    });
    let count = 0;
    for await (const { name } of entries) {
      count += 1;
      await this.remove(directory, Buffer.from(`${directory}/${name}`, 'latin1'));
    }
    return count;
  }

  private async remove(directory: string, path: Buffer): Promise<void> {
    try {
      await removeFile(path);
      return;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      if (errnoOf(error) !== 'EISDIR' && errnoOf(error) !== 'EPERM') throw error;
    }
    if (!(await removeEmpty(path))) await this.removeFull(directory, path);
  }

  /** A directory that is not empty. At the top it is emptied in place; deeper ones move to the top. */
  private async removeFull(directory: string, path: Buffer): Promise<void> {
    if (directory !== this.top) {
      this.moved += 1;
      await unlessGone(renameEntry(path, `${this.top}/${this.prefix}-${this.moved}`));
      return;
    }
    const fd = await openDirectory(path);
    if (fd === null) return;
    try {
      while ((await this.empty(`/proc/self/fd/${fd}`)) > 0) continue;
    } finally {
      await closeFile(fd);
    }
    // What came meanwhile, the next pass meets.
    await removeEmpty(path);
  }
}

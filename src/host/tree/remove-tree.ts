import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  opendirSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  type Dir,
} from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errnoOf } from '../../base/errors.js';

/** Work done between two turns of the event loop. */
const sliceMs = 8;

/**
 * Removes everything below `directory`, and it, too. Made for trees that a container left: they may be
 * deeper than any path is long, have names that are not UTF-8, and links that lead elsewhere. Each
 * directory that is not empty moves up to the top first, so no path has more than two components and two
 * descriptors suffice. Nobody else may write there; others may remove it at the same time. Missing: nothing
 * happens.
 */
export async function removeTree(directory: string | Buffer): Promise<void> {
  const top = openDirectory(directory);
  if (top === null) return;
  try {
    await new TreeRemoval(top).run();
  } finally {
    closeSync(top);
  }
  unlessGone(() => rmdirSync(directory));
}

/** Someone else who removes the same tree is welcome. */
function unlessGone(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function openDirectory(path: string | Buffer): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

class TreeRemoval {
  private readonly top: string;
  /** Not to be guessed: the tree's owner could have put the names there. */
  private readonly prefix = randomBytes(12).toString('hex');
  private moved = 0;
  private sliceStart = performance.now();

  constructor(top: number) {
    this.top = `/proc/self/fd/${top}`;
  }

  /** Moving up fills the top again, so it is read until a pass finds nothing. */
  async run(): Promise<void> {
    while ((await this.empty(this.top)) > 0) continue;
  }

  /** One pass over a directory; returns how many entries it met. */
  private async empty(directory: string): Promise<number> {
    const entries = opendirSync(directory, {
      encoding: 'latin1' as BufferEncoding,
      bufferSize: 256,
    });
    let count = 0;
    try {
      for (let name = nextName(entries); name !== null; name = nextName(entries)) {
        count += 1;
        await this.removeEntry(directory, name);
      }
    } finally {
      entries.closeSync();
    }
    return count;
  }

  private async removeEntry(directory: string, name: string): Promise<void> {
    const path = Buffer.from(`${directory}/${name}`, 'latin1');
    if (performance.now() - this.sliceStart > sliceMs) {
      await nextTurn();
      this.sliceStart = performance.now();
    }
    try {
      unlinkSync(path);
      return;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      if (errnoOf(error) !== 'EISDIR' && errnoOf(error) !== 'EPERM') throw error;
    }
    try {
      rmdirSync(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      if (errnoOf(error) !== 'ENOTEMPTY') throw error;
      await this.removeDirectory(directory, path);
    }
  }

  /** At the top: empties it in place. Deeper: moves it to the top, where a later pass finds it. */
  private async removeDirectory(directory: string, path: Buffer): Promise<void> {
    if (directory !== this.top) {
      this.moved += 1;
      unlessGone(() => renameSync(path, `${this.top}/${this.prefix}-${this.moved}`));
      return;
    }
    const fd = openDirectory(path);
    if (fd === null) return;
    try {
      while ((await this.empty(`/proc/self/fd/${fd}`)) > 0) continue;
    } finally {
      closeSync(fd);
    }
    unlessGone(() => rmdirSync(path));
  }
}

function nextName(entries: Dir): string | null {
  return entries.readSync()?.name ?? null;
}

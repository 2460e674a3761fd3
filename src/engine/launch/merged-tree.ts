import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { errnoOf, WarrenError } from '../../base/errors.js';

/** Not among Node's constants; the same on x86-64 and arm64. */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const maximumLinks = 40;
const maximumDepth = 256;

const directoryFlags = O_PATH | O_CLOEXEC | constants.O_DIRECTORY;
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;

/** One directory as the container sees it: the same directory of every layer that has it, top first. */
type MergedDirectory = readonly number[];

type Found =
  | { readonly kind: 'missing' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'directory'; readonly directory: MergedDirectory }
  | { readonly kind: 'file'; readonly parent: number };

/**
 * Reads small files of layers as an overlay would show them, one component at a time by directory descriptors, so that no link
 * of an image or a container leads to the host. A removed directory that was made again still shows what lies below it
 * (its mark is an extended attribute, which Node cannot read).
 */
export class MergedTree implements Disposable {
  readonly #open: number[] = [];
  readonly #root: MergedDirectory;

  /** @param layers absolute paths of our own, top first; missing ones are left out */
  constructor(layers: readonly string[]) {
    this.#root = layers.flatMap((layer) => this.#directory(layer, 0) ?? []);
  }

  /**
   * Content of a regular file; null when it is missing or no regular file.
   * @throws WarrenError exhausted (FILE_TOO_LARGE)
   */
  read(path: string, maximumBytes: number): Buffer | null {
    const pending = componentsOf(path);
    const above: MergedDirectory[] = [this.#root];
    for (let steps = 0, links = 0; steps < maximumDepth; steps += 1) {
      const name = pending.shift();
      if (name === undefined) return null;
      if (name === '..') {
        if (above.length > 1) above.pop();
        continue;
      }
      const found = this.#look(above.at(-1) ?? this.#root, name);
      if (found.kind === 'missing') return null;
      if (found.kind === 'file') {
        return pending.length > 0
          ? null
          : readFile(`${self(found.parent)}/${name}`, path, maximumBytes);
      }
      if (found.kind === 'directory') {
        above.push(found.directory);
        continue;
      }
      links += 1;
      if (links > maximumLinks) return null;
      if (found.target.startsWith('/')) above.length = 1;
      pending.unshift(...componentsOf(found.target));
    }
    return null;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.splice(0)) closeSync(fd);
  }

  #look(directory: MergedDirectory, name: string): Found {
    const merged: number[] = [];
    for (const fd of directory) {
      const path = `${self(fd)}/${name}`;
      const stats = statOrNull(path);
      if (stats === null) continue;
      if (stats.isDirectory()) {
        const child = this.#directory(path, constants.O_NOFOLLOW);
        if (child !== null) merged.push(child);
        continue;
      }
      if (merged.length > 0 || isWhiteout(stats)) break;
      if (stats.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
      return { kind: 'file', parent: fd };
    }
    return merged.length === 0 ? { kind: 'missing' } : { kind: 'directory', directory: merged };
  }

  #directory(path: string, extraFlags: number): number | null {
    try {
      const fd = openSync(path, directoryFlags | extraFlags);
      this.#open.push(fd);
      return fd;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }
}

function self(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '');
}

function statOrNull(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Overlay's mark of a removed name. */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function readFile(path: string, shown: string, maximumBytes: number): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, fileFlags);
  } catch (error) {
    if (isGone(error) || errnoOf(error) === 'ENXIO') return null;
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return null;
    if (stats.size > maximumBytes) {
      throw new WarrenError(
        'exhausted',
        'FILE_TOO_LARGE',
        `Cannot read ${shown} of the container: it is larger than ${maximumBytes} bytes`,
      );
    }
    return readStart(fd, stats.size);
  } finally {
    closeSync(fd);
  }
}

/** What a file that grows meanwhile held when it was opened. */
function readStart(fd: number, size: number): Buffer {
  const content = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const read = readSync(fd, content, length, size - length, null);
    if (read === 0) break;
    length += read;
  }
  return content.subarray(0, length);
}

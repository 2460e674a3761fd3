import { close, fstat, read } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf, WarrenError } from '../../base/errors.js';
import { DirectoryHandle } from '../../host/tree/directory-handle.js';
import { resolveInRoot } from '../../host/tree/resolve-in-root.js';

const closeFile = promisify(close);
const statFile = promisify(fstat);
const readFile = promisify(read);

export interface InsideFile {
  /** `/proc/PID/root` */
  readonly root: string;
  readonly path: string;
  readonly maximumBytes: number;
}

/** Nothing that can be read: missing, no regular file (EINVAL), not for our eyes (EACCES: a FUSE of the container's), or ended (ENOTCONN). */
const unreadable = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL', 'EACCES', 'ENOTCONN']);

/**
 * A small file as a running container sees it; null when there is none. Only regular files are opened for real, and nothing of it
 * blocks the event loop.
 * @param check called when the root is open: a pid that another process has by now is found out
 * @throws WarrenError exhausted (FILE_TOO_LARGE), conflict (FILE_LEASED), and what `check` throws
 */
export async function readInside(file: InsideFile, check: () => void): Promise<Buffer | null> {
  await using root = await openRoot(file.root, check);
  check();
  try {
    await using place = await resolveInRoot(root, file.path, { followLast: true });
    const fd = await place.parent.openRegular(place.name);
    try {
      return await contentOf(fd, file);
    } finally {
      await closeFile(fd);
    }
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (unreadable.has(errno)) return null;
    if (errno !== 'EAGAIN') throw error;
    throw new WarrenError(
      'conflict',
      'FILE_LEASED',
      `Cannot read ${file.path} of the container: a process in it holds a lease of the file`,
      { cause: error, hint: 'Name users and groups by number' },
    );
  }
}

/** A process that ended has no root any more: `check` has the words for it. */
async function openRoot(path: string, check: () => void): Promise<DirectoryHandle> {
  try {
    return await DirectoryHandle.open(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') check();
    throw error;
  }
}

/** What a file that grows meanwhile held when it was opened. */
async function contentOf(fd: number, { path, maximumBytes }: InsideFile): Promise<Buffer> {
  const { size } = await statFile(fd);
  if (size > maximumBytes) {
    throw new WarrenError(
      'exhausted',
      'FILE_TOO_LARGE',
      `Cannot read ${path} of the container: it is larger than ${maximumBytes} bytes`,
    );
  }
  const content = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await readFile(fd, content, length, size - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return content.subarray(0, length);
}

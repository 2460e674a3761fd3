import {
  close,
  constants,
  fstat,
  lstat,
  open,
  readlink,
  type BigIntStats,
  type PathLike,
  type Stats,
} from 'node:fs';
import { promisify } from 'node:util';
import type { ByteString } from '../../base/tar/tar-header.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const statOpen = promisify(fstat) as (fd: number) => Promise<Stats>;
const statEntry = promisify(lstat) as (path: PathLike) => Promise<Stats>;
const statEntryBig = promisify(lstat) as unknown as (
  path: PathLike,
  options: { readonly bigint: true },
) => Promise<BigIntStats>;
const readLink = promisify(readlink) as unknown as (
  path: PathLike,
  options: { readonly encoding: 'latin1' },
) => Promise<string>;

/** Not among Node's constants; the same on x86-64 and arm64. */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const directoryFlags = O_PATH | O_CLOEXEC | constants.O_DIRECTORY;

/**
 * An open directory. What is in it is named through `/proc/self/fd`, so the kernel resolves one name
 * below exactly this directory: whoever moves or replaces the directories above it cannot redirect us.
 * Names are single components; the calls do not follow a symbolic link in that place.
 */
export class DirectoryHandle implements AsyncDisposable {
  readonly fd: number;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Opens a path of our own (links in it are followed). */
  static async open(path: string): Promise<DirectoryHandle> {
    return new DirectoryHandle(await openFile(path, directoryFlags));
  }

  /** Opens a directory in this one. Throws ENOTDIR or ELOOP when a link or a file is there. */
  async openChild(name: ByteString): Promise<DirectoryHandle> {
    return new DirectoryHandle(
      await openFile(this.path(name), directoryFlags | constants.O_NOFOLLOW),
    );
  }

  /** Another handle of the same directory, with a life of its own. */
  async duplicate(): Promise<DirectoryHandle> {
    return DirectoryHandle.open(this.self);
  }

  /** A path to this directory, for calls that take one. */
  get self(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** A path to a name in this directory, for calls that take one and do not follow links. */
  path(name: ByteString): Buffer {
    return Buffer.from(`${this.self}/${name}`, 'latin1');
  }

  async lstat(name: ByteString): Promise<Stats> {
    return statEntry(this.path(name));
  }

  async lstatBig(name: ByteString): Promise<BigIntStats> {
    return statEntryBig(this.path(name), { bigint: true });
  }

  async readlink(name: ByteString): Promise<ByteString> {
    return readLink(this.path(name), { encoding: 'latin1' });
  }

  /**
   * Opens a regular file for reading: numeric fd, owned by the caller. Whatever else took the name
   * meanwhile (a FIFO would block, a device could act) is refused before it is opened for real.
   * Throws EAGAIN for a file that somebody holds a lease of: waiting for it could take the kernel's 45 s.
   */
  async openRegular(name: ByteString): Promise<number> {
    const handle = await openFile(this.path(name), O_PATH | O_CLOEXEC | constants.O_NOFOLLOW);
    try {
      const stats = await statOpen(handle);
      if (!stats.isFile()) {
        throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
      }
      const flags = constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC;
      return await openFile(`/proc/self/fd/${handle}`, flags);
    } finally {
      await closeFile(handle);
    }
  }

  async close(): Promise<void> {
    await closeFile(this.fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

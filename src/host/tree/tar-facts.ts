/** What an archive says of a file, from what the kernel says. */
import { close, read, type BigIntStats } from 'node:fs';
import { promisify } from 'node:util';
import type { TarEntryType } from '../../base/tar/tar-header.js';

const readFile = promisify(read);
const closeFile = promisify(close);
const chunkSize = 1 << 17;
const billion = 1_000_000_000n;

/** Null for what archives do not hold: sockets. */
export function tarTypeOf(stats: BigIntStats): TarEntryType | null {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character-device';
  return stats.isBlockDevice() ? 'block-device' : null;
}

/** As glibc's makedev puts them together. */
export function deviceNumbers(rdev: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}

export function modificationTime(stats: BigIntStats): {
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
} {
  const rest = ((stats.mtimeNs % billion) + billion) % billion;
  return {
    mtimeSeconds: Number((stats.mtimeNs - rest) / billion),
    mtimeNanoseconds: Number(rest),
  };
}

/**
 * A member's header, then exactly `size` bytes of an open file, which is closed at the end: an archive promises the size
 * before. A file that shrinks is filled with zeros.
 */
export async function* contentOf(
  fd: number,
  { size, before }: { readonly size: number; readonly before: Buffer },
): AsyncGenerator<Buffer> {
  try {
    yield before;
    let left = size;
    while (left > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(left, chunkSize));
      const { bytesRead } = await readFile(fd, buffer, 0, buffer.length, null);
      if (bytesRead === 0) buffer.fill(0);
      const part = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead);
      yield part;
      left -= part.length;
    }
  } finally {
    await closeFile(fd);
  }
}

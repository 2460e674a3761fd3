import { read, close } from 'node:fs';
import { promisify } from 'node:util';
import { WarrenError } from '../../../base/errors.js';
import { resolveInRoot } from '../../../host/tree/resolve-in-root.js';
import { decompressed } from '../../../image/layer/compression.js';
import type { CopySource } from './copy-source.js';

const readFile = promisify(read);
const closeFile = promisify(close);

/** Compressions that Docker unpacks and Node cannot. */
const foreign: readonly (readonly [string, string])[] = [
  ['bzip2', '425a68'],
  ['xz', 'fd377a585a00'],
];

/**
 * ADD unpacks archives of the context: gives what opens one, null for every other file.
 * Throws unsupported (ARCHIVE_COMPRESSION).
 */
export async function openLocalTar(
  source: CopySource,
  path: string,
): Promise<(() => AsyncIterable<Buffer>) | null> {
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  const open = async (): Promise<number | null> => {
    await using place = await resolveInRoot(source.root, bytes, { followLast: true });
    const stats = await place.parent.lstat(place.name);
    return stats.isFile() ? await place.parent.openRegular(place.name) : null;
  };
  const fd = await open();
  if (fd === null) return null;
  try {
    const start = await startOf(fd, path);
    if (!isTar(start)) return null;
  } finally {
    await closeFile(fd);
  }
  return async function* () {
    const again = await open();
    if (again === null) return;
    try {
      yield* decompressed(`/proc/self/fd/${again}`);
    } finally {
      await closeFile(again);
    }
  };
}

/** The first block, decompressed. */
async function startOf(fd: number, path: string): Promise<Buffer> {
  const { buffer, bytesRead } = await readFile(fd, Buffer.alloc(512), 0, 512, 0);
  const hex = buffer.toString('hex', 0, Math.min(bytesRead, 8));
  const compression = foreign.find(([, magic]) => hex.startsWith(magic))?.[0];
  if (compression !== undefined && /\.(?:tar|t[bx]z)/.test(path)) {
    throw new WarrenError(
      'unsupported',
      'ARCHIVE_COMPRESSION',
      `Cannot add ${path}: archives compressed with ${compression} are not unpacked`,
      { hint: 'Compress it with gzip or zstd, or copy it with COPY and unpack it in a RUN step' },
    );
  }
  try {
    let start = Buffer.alloc(0);
    for await (const chunk of decompressed(`/proc/self/fd/${fd}`)) {
      start = Buffer.concat([start, chunk]);
      if (start.length >= 512) break;
    }
    return start;
  } catch {
    // What cannot be decompressed is a file like any other.
    return Buffer.alloc(0);
  }
}

function isTar(start: Buffer): boolean {
  return start.length >= 512 && start.toString('latin1', 257, 262) === 'ustar';
}

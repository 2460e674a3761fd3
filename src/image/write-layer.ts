import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import {
  encodeTarHeader,
  tarEnd,
  tarPadding,
  type ByteString,
  type TarEntry,
} from '../base/tar-header.js';

/** One thing in a layer. The owner is root and the time the epoch: equal content gives equal bytes. */
export type LayerEntry =
  | { readonly type: 'directory'; readonly path: ByteString; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: ByteString; readonly target: ByteString }
  | {
      readonly type: 'file';
      readonly path: ByteString;
      readonly mode: number;
      readonly content: Buffer | { readonly file: string };
    };

export interface WrittenLayer {
  /** Of the compressed blob. */
  readonly digest: string;
  readonly size: number;
  /** Of the tar itself. */
  readonly diffId: string;
}

/**
 * The tar of these entries, sorted by path, each path once (the last wins), with the directories that
 * lead to them. Paths are absolute inside the image.
 */
export async function* tarOfEntries(entries: readonly LayerEntry[]): AsyncGenerator<Buffer> {
  for (const entry of withParents(entries)) {
    yield* tarOfEntry(entry);
  }
  yield tarEnd;
}

/** Compresses a tar into a file, computing both digests on the way. */
export async function writeLayer(
  tar: AsyncIterable<Buffer>,
  file: string,
  signal?: AbortSignal,
): Promise<WrittenLayer> {
  const plain = createHash('sha256');
  const compressed = createHash('sha256');
  await pipeline(
    Readable.from(tar, { objectMode: false }),
    hashing(plain),
    createGzip({ level: 4 }),
    hashing(compressed),
    createWriteStream(file, { mode: 0o600, flush: true }),
    { ...(signal === undefined ? {} : { signal }) },
  );
  return {
    digest: `sha256:${compressed.digest('hex')}`,
    diffId: `sha256:${plain.digest('hex')}`,
    size: (await stat(file)).size,
  };
}

function withParents(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) {
    const parts = entry.path.split('/').filter((part) => part !== '');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = parts.slice(0, depth).join('/');
      if (!byPath.has(path)) byPath.set(path, { type: 'directory', path, mode: 0o755 });
    }
    const path = parts.join('/');
    byPath.set(path, { ...entry, path });
  }
  return [...byPath.values()].sort((left, right) => (left.path < right.path ? -1 : 1));
}

async function* tarOfEntry(entry: LayerEntry): AsyncGenerator<Buffer> {
  const common = { path: entry.path, uid: 0, gid: 0, size: 0, mtimeSeconds: 0 };
  if (entry.type === 'directory') {
    yield encodeTarHeader({ ...common, type: 'directory', mode: entry.mode });
    return;
  }
  if (entry.type === 'symlink') {
    yield encodeTarHeader({ ...common, type: 'symlink', mode: 0o777, linkName: entry.target });
    return;
  }
  const { content } = entry;
  const size = Buffer.isBuffer(content) ? content.length : (await stat(content.file)).size;
  const header: TarEntry = { ...common, type: 'file', mode: entry.mode, size };
  yield encodeTarHeader(header);
  if (Buffer.isBuffer(content)) yield content;
  else yield* createReadStream(content.file) as AsyncIterable<Buffer>;
  yield tarPadding(size);
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

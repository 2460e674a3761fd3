import { createHash, type Hash } from 'node:crypto';
import { createWriteStream, readdirSync } from 'node:fs';
import { copyFile, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack, type Headers, type PackOptions } from 'tar-fs';

/** One thing in a layer. The owner is root and the time the epoch: equal content gives equal bytes. */
export type LayerEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file';
      readonly path: string;
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
 * The tar of these entries, each path once (the last wins), with the directories that lead to them. They are laid
 * out in `staging`, an empty directory of ours, which is packed: always in the same order.
 */
export async function tarOfEntries(
  entries: readonly LayerEntry[],
  staging: string,
): Promise<AsyncIterable<Buffer>> {
  const modes = await stage(entries, staging);
  const options: PackOptions & { readonly sort: boolean } = {
    entries: readdirSync(staging).sort(),
    sort: true,
    map: (header: Headers) => ({
      ...header,
      uid: 0,
      gid: 0,
      mtime: new Date(0),
      mode: header.type === 'symlink' ? 0o777 : (modes.get(header.name) ?? 0o755),
    }),
  };
  return pack(staging, options) as AsyncIterable<Buffer>;
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

/** Links come last: nothing is written through one. The modes are those of the archive, not of the staged files. */
async function stage(
  entries: readonly LayerEntry[],
  staging: string,
): Promise<ReadonlyMap<string, number>> {
  const byPath = new Map(entries.map((entry) => [join('/', entry.path).slice(1), entry]));
  const modes = new Map<string, number>();
  const links: [path: string, target: string][] = [];
  for (const [name, entry] of byPath) {
    const path = join(staging, name);
    await mkdir(dirname(path), { recursive: true });
    if (entry.type === 'symlink') {
      links.push([path, entry.target]);
      continue;
    }
    modes.set(name, entry.mode);
    if (entry.type === 'directory') await mkdir(path, { recursive: true });
    else if (Buffer.isBuffer(entry.content)) await writeFile(path, entry.content);
    else await copyFile(entry.content.file, path);
  }
  for (const [path, target] of links) await symlink(target, path);
  return modes;
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

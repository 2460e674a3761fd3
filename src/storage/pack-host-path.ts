import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { tarEnd } from '../base/tar/tar-header.js';
import { DirectoryHandle } from '../host/tree/directory-handle.js';
import { tarTree } from './tar-tree.js';

export interface PackRequest {
  /** Absolute, without a trailing slash. The last component is not followed. */
  readonly path: string;
  /** Name of the first member; empty: only what is in the directory. */
  readonly memberName: string;
  /** Give files to root, or keep whose they are. */
  readonly owners: 'root' | 'kept';
}

function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

async function* members({ path, memberName, owners }: PackRequest): AsyncGenerator<Buffer> {
  await using parent = await DirectoryHandle.open(dirname(path));
  const name = path === '/' ? '.' : bytes(basename(path));
  yield* tarTree(
    parent,
    { name, memberName: bytes(memberName) },
    {
      ids: null,
      oneFileSystem: false,
      ...(owners === 'root' ? { owner: { uid: 0, gid: 0 } } : {}),
    },
  );
  yield tarEnd;
}

/** An archive of a path of the host and everything below it. Throws Node's system errors while it is read. */
export function packHostPath(request: PackRequest): Readable {
  return Readable.from(members(request), { objectMode: false });
}

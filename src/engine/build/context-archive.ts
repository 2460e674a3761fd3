import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeTemporaryDirectory } from '../../host/temporary-directory.js';
import { removeTree } from '../../host/tree/remove-tree.js';
import { decompressed } from '../../image/layer/compression.js';
import { unpackLayer } from '../../image/layer/unpack-layer.js';
import type { EngineContext } from '../context.js';
import type { BuildOptions } from './contract.js';

/** Runs `work` with a context that is a directory: the archive, if one is given, is unpacked for as long as it takes. */
export async function withContext<T>(
  context: EngineContext,
  options: BuildOptions,
  work: (options: BuildOptions) => Promise<T>,
): Promise<T> {
  const { contextArchive, signal } = options;
  if (contextArchive === undefined) return await work(options);
  const parent = join(context.settings.dataRoot, 'tmp');
  const temporary = makeTemporaryDirectory(parent, 'image');
  const directory = join(temporary, 'context');
  const cancel = signal === undefined ? {} : { signal };
  try {
    mkdirSync(directory);
    const file = join(temporary, 'context.tar');
    await pipeline(Readable.from(contextArchive), createWriteStream(file, { mode: 0o600 }), cancel);
    await unpackLayer(decompressed(file), directory, { host: context.host, ...cancel });
    return await work({ ...options, context: directory });
  } finally {
    await removeTree(temporary);
  }
}

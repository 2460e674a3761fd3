import { open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { pipeline, type TransformOptions } from 'node:stream';
import { createGunzip, type ZlibOptions } from 'node:zlib';
import { WarrenError } from '../../base/errors.js';
import { unzstd } from './zstd.js';

export type Compression = 'none' | 'gzip' | 'zstd';

const chunkSize = 1 << 18;
/** zlib goes so far ahead of whoever reads: neither waits for the other's every piece. */
const gunzipOptions: ZlibOptions & TransformOptions = { chunkSize, readableHighWaterMark: 1 << 22 };
const magics: readonly (readonly [Compression, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];

/** By the first bytes: media types of layers are often wrong, and archives have none. */
export function compressionOf(start: Buffer): Compression {
  return magics.find(([, magic]) => start.subarray(0, magic.length).equals(magic))?.[0] ?? 'none';
}

/** The content of a blob, decompressed. Throws corrupt (BLOB_CORRUPT). */
export async function* decompressed(file: string): AsyncGenerator<Buffer> {
  const compression = await compressionOfFile(file);
  const blob = createReadStream(file, { highWaterMark: chunkSize });
  try {
    if (compression === 'gzip') yield* gunzip(blob);
    else if (compression === 'zstd') yield* unzstd(blob as AsyncIterable<Buffer>);
    else yield* blob as AsyncIterable<Buffer>;
  } catch (cause) {
    throw asCorrupt(cause, compression);
  } finally {
    blob.destroy();
  }
}

async function compressionOfFile(file: string): Promise<Compression> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return compressionOf(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** zlib runs beside this thread; errors of either side reach whoever reads. */
function gunzip(blob: NodeJS.ReadableStream): AsyncIterable<Buffer> {
  const gunzipped = pipeline(blob, createGunzip(gunzipOptions), () => undefined);
  return gunzipped as AsyncIterable<Buffer>;
}

function asCorrupt(cause: unknown, compression: Compression): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (compression === 'none' || typeof code !== 'string' || !/^Z_|^ZSTD/.test(code)) return cause;
  return new WarrenError(
    'corrupt',
    'BLOB_CORRUPT',
    `Cannot decompress layer: its ${compression} stream is damaged`,
    { cause },
  );
}

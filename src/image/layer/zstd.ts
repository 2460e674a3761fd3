import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { WarrenError } from '../../base/errors.js';

/** Four bytes can stand for 128 KiB: what is decompressed at one go must fit into memory. */
const sliceSize = 1 << 11;

/** Present from Node 22.15 on. */
const createZstdDecompress = (
  zlib as unknown as { readonly createZstdDecompress?: () => NodeJS.ReadWriteStream }
).createZstdDecompress;

/** Decompresses zstd frames, one or many, and passes over skippable ones. Throws corrupt (BLOB_CORRUPT). */
export function unzstd(blob: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (createZstdDecompress === undefined) return unzstdSlowly(blob);
  const stream = Readable.from(blob, { objectMode: false });
  return stream.compose(createZstdDecompress()) as AsyncIterable<Buffer>;
}

/** In JavaScript, for Node 20. */
async function* unzstdSlowly(blob: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const done: Uint8Array[] = [];
  const decompress = new Decompress((data) => done.push(data));
  try {
    for await (const chunk of blob) {
      for (let at = 0; at < chunk.length; at += sliceSize) {
        decompress.push(chunk.subarray(at, at + sliceSize));
        for (const data of done.splice(0)) {
          if (data.length > 0) yield Buffer.from(data.buffer, data.byteOffset, data.byteLength);
        }
      }
    }
    decompress.push(new Uint8Array(0), true);
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'number')
      throw cause;
    throw new WarrenError(
      'corrupt',
      'BLOB_CORRUPT',
      `Cannot decompress layer: its zstd stream is damaged (${cause.message})`,
      { cause },
    );
  }
  for (const data of done) {
    if (data.length > 0) yield Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }
}

import type { FileHandle } from 'node:fs/promises';

const blockBytes = 65_536;
const newline = 0x0a;

/** Lines of a growing file from an offset on; what is behind the last newline waits for the rest. */
export class LineReader {
  readonly #handle: FileHandle;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle, offset: number) {
    this.#handle = handle;
    this.#offset = offset;
  }

  /** Whole lines that are there now, without their newlines. */
  async *lines(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const block = Buffer.allocUnsafe(blockBytes);
      const { bytesRead } = await this.#handle.read(block, 0, blockBytes, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      const data = Buffer.concat([this.#rest, block.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, start)) {
        yield data.subarray(start, end);
        start = end + 1;
      }
      this.#rest = data.subarray(start);
    }
  }
}

/** Whole lines of the first `size` bytes, last one first. */
export async function* linesBackwards(
  handle: FileHandle,
  size: number,
): AsyncGenerator<Buffer, void> {
  let end = size;
  // Begins with what belongs to the line that ends in the block before.
  let rest: Buffer = Buffer.alloc(0);
  let complete = false;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const block = Buffer.allocUnsafe(end - start);
    await handle.read(block, 0, block.length, start);
    const data = Buffer.concat([block, rest]);
    let lineEnd = data.length;
    for (let at = data.lastIndexOf(newline); at >= 0; at = before(data, at)) {
      if (complete) yield data.subarray(at + 1, lineEnd);
      complete = true;
      lineEnd = at;
    }
    rest = complete ? data.subarray(0, lineEnd) : Buffer.alloc(0);
    end = start;
  }
  if (complete) yield rest;
}

function before(data: Buffer, at: number): number {
  return at === 0 ? -1 : data.lastIndexOf(newline, at - 1);
}

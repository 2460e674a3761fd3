import { WarrenError } from './errors.js';

/** Content of so many bytes; `finish` skips what was not read of it. */
export interface BoundedBytes extends AsyncIterable<Buffer> {
  /** Exactly so many of them; null when none is left. */
  take(size: number): Promise<Buffer | null>;
  finish(): Promise<void>;
}

/** Pulls exact amounts out of a stream of chunks. Throws corrupt (ARCHIVE_TRUNCATED). */
export class ByteSource {
  private readonly chunks: AsyncIterator<Buffer>;
  private buffered: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; null when the stream ended before the first. */
  async take(size: number): Promise<Buffer | null> {
    if (this.buffered.length >= size) {
      const part = this.buffered.subarray(0, size);
      this.buffered = this.buffered.subarray(size);
      return part;
    }
    const parts: Buffer[] = [];
    let missing = size;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === null) {
        if (missing === size) return null;
        throw truncated();
      }
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** The next `size` bytes, and `padding` behind them that nobody sees. */
  bounded(size: number, padding: number): BoundedBytes {
    let left = size;
    const some = async (most: number): Promise<Buffer | null> => {
      if (left === 0) return null;
      const part = await this.some(Math.min(most, left));
      if (part === null) throw truncated();
      left -= part.length;
      return part;
    };
    return {
      take: async (wanted: number): Promise<Buffer | null> => {
        if (left === 0) return null;
        if (wanted > left) throw truncated();
        left -= wanted;
        const part = await this.take(wanted);
        if (part === null) throw truncated();
        return part;
      },
      async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
        for (let part = await some(size); part !== null; part = await some(size)) yield part;
      },
      finish: async (): Promise<void> => {
        while ((await some(size)) !== null) continue;
        if (padding > 0 && (await this.take(padding)) === null) throw truncated();
      },
    };
  }

  async drain(): Promise<void> {
    while ((await this.some(Number.MAX_SAFE_INTEGER)) !== null) continue;
  }

  /** Tells the source that nothing more is wanted. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  /** At most so many bytes, as they come. */
  private async some(most: number): Promise<Buffer | null> {
    while (this.buffered.length === 0) {
      const next = await this.chunks.next();
      if (next.done === true) return null;
      this.buffered = next.value;
    }
    const part = this.buffered.subarray(0, most);
    this.buffered = this.buffered.subarray(part.length);
    return part;
  }
}

function truncated(): WarrenError {
  return new WarrenError('corrupt', 'ARCHIVE_TRUNCATED', 'Cannot read archive: it ends too early');
}

import { WarrenError } from './errors.js';

/** Content of so many bytes; `finish` skips what was not read of it. */
export interface BoundedBytes extends AsyncIterable<Buffer> {
  /** All that is left, with the padding, when it is here already; else null, and nothing is taken. */
  ready(): Buffer | null;
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

  /** Exactly so many bytes when they are here already, else null: a promise costs more than the small things of an archive. */
  ready(size: number): Buffer | null {
    if (this.buffered.length < size) return null;
    const part = this.buffered.subarray(0, size);
    this.buffered = this.buffered.subarray(size);
    return part;
  }

  /** Exactly so many bytes; null when the stream ended before the first. */
  async take(size: number): Promise<Buffer | null> {
    const here = this.ready(size);
    if (here !== null) return here;
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
    let behind = padding;
    return {
      ready: (): Buffer | null => {
        const part = this.ready(left + behind)?.subarray(0, left) ?? null;
        if (part !== null) left = behind = 0;
        return part;
      },
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
        if (behind > 0 && (await this.take(behind)) === null) throw truncated();
        behind = 0;
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

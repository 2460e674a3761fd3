import { WarrenError } from '../../base/errors.js';

/** Keeps what a stream gives, up to a limit. */
export class OutputCollector {
  readonly #chunks: Buffer[] = [];
  readonly #maximumBytes: number;
  #bytes = 0;
  readonly done: Promise<void>;

  /** @param overflow called once when there is more than `maximumBytes` */
  constructor(
    stream: NodeJS.ReadableStream | null,
    maximumBytes: number,
    overflow: (error: WarrenError) => void,
  ) {
    this.#maximumBytes = maximumBytes;
    this.done = stream === null ? Promise.resolve() : this.#collect(stream, overflow);
    this.done.catch(() => undefined);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  async #collect(
    stream: NodeJS.ReadableStream,
    overflow: (error: WarrenError) => void,
  ): Promise<void> {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#maximumBytes) {
        const error = new WarrenError(
          'exhausted',
          'OUTPUT_LIMIT',
          `Cannot keep the output: it is larger than ${this.#maximumBytes} bytes`,
          { hint: 'Raise maxOutputBytes, or use spawn and read the streams' },
        );
        overflow(error);
        throw error;
      }
      this.#chunks.push(chunk);
    }
  }
}

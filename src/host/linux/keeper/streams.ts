/** The streams of a process, each with the flow control of the protocol. */
import { Readable, Writable } from 'node:stream';
import { streamWindow } from '../protocol.js';

/** Granted back when this much was consumed: fewer frames than one for each chunk. */
const grantStep = streamWindow / 4;
/** Of one STREAM frame. */
const pieceMaximum = 65_536;

/** Output of the process. What nobody reads stays at the keeper, beyond the window. */
export class OutputStream extends Readable {
  readonly #grant: (bytes: number) => void;
  /** Received and not yet granted again. */
  #ungranted = 0;
  #stalled = false;

  constructor(grant: (bytes: number) => void) {
    super({ highWaterMark: pieceMaximum });
    this.#grant = grant;
  }

  receive(data: Buffer): void {
    if (this.destroyed) {
      this.#grant(data.length);
      return;
    }
    this.#ungranted += data.length;
    this.#stalled = !this.push(data);
    if (!this.#stalled) this.#grantConsumed();
  }

  end(): void {
    if (!this.readableEnded && !this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#stalled = false;
    this.#grantConsumed();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // The rest of the output has no reader any more and must not hold the process up.
    this.#stalled = false;
    if (this.#ungranted > 0) this.#grant(this.#ungranted);
    this.#ungranted = 0;
    callback(error);
  }

  #grantConsumed(): void {
    if (this.#stalled || this.#ungranted < grantStep) return;
    const bytes = this.#ungranted;
    this.#ungranted = 0;
    this.#grant(bytes);
  }
}

export interface InputSink {
  send(data: Buffer): void;
  end(): void;
  /** More is queued in the connection than should be. */
  readonly full: boolean;
  onceDrained(action: () => void): void;
}

/** Input of the process. After the process has ended, what is written goes nowhere, as with a pipe that nobody misses. */
export class InputStream extends Writable {
  readonly #sink: InputSink;
  #credit = streamWindow;
  #open = false;
  #over = false;
  #pending: { data: Buffer; readonly done: () => void } | undefined;
  #waitsForConnection = false;

  constructor(sink: InputSink) {
    super({ highWaterMark: pieceMaximum, decodeStrings: true });
    this.#sink = sink;
  }

  /** The process runs and takes input. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  credit(bytes: number): void {
    this.#credit += bytes;
    this.#pump();
  }

  /** The process has ended. */
  over(): void {
    this.#over = true;
    this.#pump();
    if (!this.writableEnded) this.destroy();
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    this.#pending = { data: chunk, done: callback };
    this.#pump();
  }

  override _final(callback: (error?: Error | null) => void): void {
    const finish = (): void => {
      if (!this.#over) this.#sink.end();
      callback();
    };
    if (this.#open || this.#over) finish();
    else this.#pending = { data: Buffer.alloc(0), done: finish };
  }

  #pump(): void {
    const pending = this.#pending;
    if (pending === undefined || (!this.#open && !this.#over)) return;
    while (pending.data.length > 0 && !this.#over) {
      if (this.#credit === 0) return;
      if (this.#sink.full) {
        this.#waitForConnection();
        return;
      }
      const size = Math.min(pending.data.length, this.#credit, pieceMaximum);
      this.#sink.send(pending.data.subarray(0, size));
      this.#credit -= size;
      pending.data = pending.data.subarray(size);
    }
    this.#pending = undefined;
    pending.done();
  }

  #waitForConnection(): void {
    if (this.#waitsForConnection) return;
    this.#waitsForConnection = true;
    this.#sink.onceDrained(() => {
      this.#waitsForConnection = false;
      this.#pump();
    });
  }
}

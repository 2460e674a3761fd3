import { createConnection, type Socket } from 'node:net';
import { BinaryWriter, type BinaryReader } from '../../../base/binary.js';
import { WarrenError } from '../../../base/errors.js';
import { clientRequestsMaximum, reply, request as requestTypes } from '../protocol.js';
import { FrameParser, writeFrame, type Frame, type WritePayload } from './frames.js';
import { decodeFailure, type KeeperFailure } from './failure.js';

/** What answers to a request go to. Nothing comes after `failed`. */
export interface RequestHandler {
  /** True when this was the last frame of the request. */
  frame(type: number, payload: BinaryReader): boolean;
  /** The keeper's ERROR; the request has ended. */
  refused(failure: KeeperFailure): void;
  /** The connection has ended. */
  gone(error: WarrenError): void;
}

export interface NewRequest {
  readonly payload?: WritePayload;
  readonly handler: RequestHandler;
  /** Told the request's number when it is sent. */
  readonly began?: (id: number) => void;
}

/** Beyond this much unsent data, streams wait. */
const outputHighWater = 1 << 20;

interface Waiting {
  readonly begin: () => void;
  readonly gone: (error: WarrenError) => void;
}

/**
 * One connection: frames out, gathered for each turn of the event loop; frames in, handed to the request they answer. The
 * keeper allows a number of open requests; further ones wait here.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #handlers = new Map<number, RequestHandler>();
  readonly #waiting: Waiting[] = [];
  readonly #onceDrained: (() => void)[] = [];
  readonly #closed: Promise<void>;
  readonly #out = new BinaryWriter(65_536);
  #flushing = false;
  #nextRequest = 1;
  #lost: WarrenError | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#parser = new FrameParser((frame) => {
      this.#deliver(frame);
    });
    socket.on('data', (chunk) => {
      this.#read(chunk);
    });
    socket.on('drain', () => {
      this.#drained();
    });
    socket.on('error', (error) => {
      this.#end(goneError(error));
    });
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end(goneError());
        resolve();
      });
    });
  }

  /** Rejects with the system's error. */
  static async open(path: string): Promise<Connection> {
    const socket = createConnection({ path });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new Connection(socket);
  }

  /** Why it ended; undefined while it lives. */
  get lost(): WarrenError | undefined {
    return this.#lost;
  }

  /** More unsent data than streams should add to. */
  get full(): boolean {
    return this.#out.length + this.#socket.writableLength > outputHighWater;
  }

  onceDrained(action: () => void): void {
    this.#onceDrained.push(action);
  }

  /**
   * Begins a request, at once or when the keeper's limit on open requests allows. Throws when the payload cannot
   * be encoded.
   */
  begin(type: number, request: NewRequest): void {
    if (this.#lost !== undefined) {
      request.handler.gone(this.#lost);
      return;
    }
    if (this.#handlers.size >= clientRequestsMaximum - reserved && type !== requestTypes.cancel) {
      this.#waiting.push({
        begin: () => {
          this.#startOrRefuse(type, request);
        },
        gone: (error) => {
          request.handler.gone(error);
        },
      });
      return;
    }
    this.#start(type, request);
  }

  /** A request with one reply. */
  async call<T>(
    type: number,
    payload: WritePayload | undefined,
    decode: (type: number, payload: BinaryReader) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const handler: RequestHandler = {
        frame: (replyType, reader) => {
          resolve(decode(replyType, reader));
          return true;
        },
        refused: (failure) => {
          reject(new RefusedError(failure));
        },
        gone: reject,
      };
      this.begin(type, { ...(payload === undefined ? {} : { payload }), handler });
    });
  }

  /** A frame of an open request that has no reply of its own. */
  send(type: number, request: number, payload?: WritePayload): void {
    if (this.#lost !== undefined) return;
    writeFrame(this.#out, { type, request }, payload);
    this.#flushSoon();
  }

  async close(): Promise<void> {
    this.#flush();
    this.#socket.end();
    this.#socket.destroySoon();
    await this.#closed;
  }

  /** Keeps the process alive, or not, while nothing else does. */
  setReferenced(referenced: boolean): void {
    if (referenced) this.#socket.ref();
    else this.#socket.unref();
  }

  #start(type: number, { payload, handler, began }: NewRequest): void {
    const id = this.#nextRequest++;
    writeFrame(this.#out, { type, request: id }, payload);
    this.#handlers.set(id, handler);
    if (this.#handlers.size === 1) this.setReferenced(true);
    began?.(id);
    this.#flushSoon();
  }

  /** For requests that waited: nobody is there to catch. */
  #startOrRefuse(type: number, request: NewRequest): void {
    try {
      this.#start(type, request);
    } catch (error) {
      request.handler.gone(error instanceof WarrenError ? error : goneError(error));
    }
  }

  /** After everything that runs in this turn has added its frames. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flush();
    });
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#out.length === 0 || this.#lost !== undefined) return;
    this.#socket.write(this.#out.take());
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#end(error instanceof WarrenError ? error : goneError(error));
      this.#socket.destroy();
    }
  }

  #deliver({ type, request, payload }: Frame): void {
    const handler = this.#handlers.get(request);
    // Frames of a request that was given up meanwhile are late, not wrong.
    if (handler === undefined) return;
    if (type === reply.error) {
      this.#finish(request);
      handler.refused(decodeFailure(payload));
    } else if (handler.frame(type, payload)) {
      this.#finish(request);
    }
  }

  #finish(request: number): void {
    this.#handlers.delete(request);
    if (this.#handlers.size === 0) this.setReferenced(false);
    this.#waiting.shift()?.begin();
  }

  #drained(): void {
    for (const action of this.#onceDrained.splice(0)) action();
  }

  #end(error: WarrenError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    const handlers = [...this.#handlers.values()];
    this.#handlers.clear();
    for (const handler of handlers) handler.gone(error);
    for (const waiting of this.#waiting.splice(0)) waiting.gone(error);
    this.#drained();
  }
}

/** Kept free for cancellations of the others. */
const reserved = 384;

/** An ERROR of the keeper, before anyone has said what was attempted. */
export class RefusedError extends Error {
  readonly failure: KeeperFailure;

  constructor(failure: KeeperFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

function goneError(cause?: unknown): WarrenError {
  return new WarrenError(
    'unavailable',
    'KEEPER_GONE',
    'Cannot finish the request: the connection to the keeper has ended',
    {
      hint: 'Containers go on without it. Try again: the keeper is started anew.',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

import { canceledError, throwIfAborted } from '../../../base/abort.js';
import type { BinaryReader } from '../../../base/binary.js';
import { isWarrenError, type WarrenError } from '../../../base/errors.js';
import { helloMagic, protocolMaximum, protocolMinimum, request as requests } from '../protocol.js';
import { Connection, RefusedError, type RequestHandler } from './connection.js';
import { errorOfFailure, type Attempt } from './failure.js';
import type { WritePayload } from './frames.js';
import { decodeHello, type Hello } from './replies.js';

/** A request of one reply. */
export interface Call<T> {
  readonly type: number;
  readonly payload?: WritePayload;
  readonly attempt: Attempt;
  readonly decode: (payload: BinaryReader) => T;
  /** Cancels the request at the keeper. */
  readonly signal?: AbortSignal;
}

/** Where requests go: to the session that is live when they are made. */
export interface Sessions {
  /** When the connection ends, the request fails: nobody knows whether it was done. */
  once<T>(ask: (session: Session) => Promise<T>): Promise<T>;
  /** For requests that do no harm when they are done twice: when the connection ends, they are made again on the next. */
  repeatedly<T>(ask: (session: Session) => Promise<T>): Promise<T>;
}

/** A greeted connection. */
export class Session {
  readonly connection: Connection;
  readonly hello: Hello;

  private constructor(connection: Connection, hello: Hello) {
    this.connection = connection;
    this.hello = hello;
  }

  /** Connects and agrees on a version. Rejects with the system's error when nobody listens, `unsupported` (KEEPER_VERSION). */
  static async open(path: string, clientVersion: string): Promise<Session> {
    const connection = await Connection.open(path);
    try {
      const hello = await connection.call(
        requests.hello,
        (writer) =>
          writer.u32(helloMagic).u16(protocolMinimum).u16(protocolMaximum).str(clientVersion),
        (_, payload) => decodeHello(payload),
      );
      return new Session(connection, hello);
    } catch (error) {
      await connection.close();
      if (error instanceof RefusedError)
        throw errorOfFailure(error.failure, { action: 'talk to the keeper', object: '' });
      throw error;
    }
  }

  get lost(): WarrenError | undefined {
    return this.connection.lost;
  }

  async call<T>(call: Call<T>): Promise<T> {
    const { signal, attempt } = call;
    const what = `${attempt.action} ${attempt.object}`.trim();
    throwIfAborted(signal, what);
    return new Promise<T>((resolve, reject) => {
      let id = 0;
      const cancel = (): void => {
        this.cancel(id);
      };
      const settle = (): void => signal?.removeEventListener('abort', cancel);
      const handler: RequestHandler = {
        frame: (_, payload) => {
          settle();
          resolve(call.decode(payload));
          return true;
        },
        refused: (failure) => {
          settle();
          const error = errorOfFailure(failure, attempt);
          const aborted = signal?.aborted === true && isWarrenError(error, 'canceled');
          reject(aborted ? canceledError(what, signal) : error);
        },
        gone: (error) => {
          settle();
          reject(error);
        },
      };
      const began = (number: number): void => {
        id = number;
        if (signal?.aborted === true) cancel();
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.connection.begin(call.type, {
        ...(call.payload === undefined ? {} : { payload: call.payload }),
        handler,
        began,
      });
    });
  }

  /** A request whose reply says nothing but that it is done. */
  async command(call: Omit<Call<void>, 'decode'>): Promise<void> {
    await this.call<void>({ ...call, decode: nothing });
  }

  /** The other request ends with ECANCELED; one that ended meanwhile has nothing left to cancel. */
  cancel(request: number): void {
    if (request === 0) return;
    this.connection.begin(requests.cancel, {
      payload: (writer) => writer.u64(request),
      handler: { frame: () => true, refused: nothing, gone: nothing },
    });
  }
}

function nothing(): void {
  // Nothing to decode, nobody to tell.
}

/** LAUNCH, EXEC and ATTACH: one request that may carry streams until the process ends. */
import type { BinaryReader } from '../../../base/binary.js';
import { canceledError } from '../../../base/abort.js';
import { isWarrenError, type WarrenError } from '../../../base/errors.js';
import type { KeeperExit, StreamWishes } from '../../port.js';
import { reply, request as requests, startFlags } from '../protocol.js';
import type { Connection, RequestHandler } from './connection.js';
import { errorOfFailure, type Attempt, type KeeperFailure } from './failure.js';
import type { WritePayload } from './frames.js';
import { decodeExitReply, decodeLaunched, type LaunchedReply } from './replies.js';
import { InputStream, OutputStream } from './streams.js';

export interface ProcessRequest {
  readonly type: number;
  readonly payload: WritePayload;
  readonly attempt: Attempt;
  readonly streams: StreamWishes;
  /** An EXIT follows the start. */
  readonly expectExit: boolean;
  readonly signal?: AbortSignal;
}

/** Nothing of a launch: what ATTACH's OK stands for. */
const attached: LaunchedReply = { pid: 0, startedAtMs: 0, clamps: [], phaseTimesNs: [] };

export function streamFlags(streams: StreamWishes): number {
  return (
    (streams.stdin === true ? startFlags.stdin : 0) |
    (streams.stdout === true ? startFlags.stdout : 0) |
    (streams.stderr === true ? startFlags.stderr : 0)
  );
}

/** A request under way; `started` settles first, then `exit`. */
export class ProcessConversation implements RequestHandler {
  readonly started: Promise<LaunchedReply>;
  readonly exit: Promise<KeeperExit>;
  readonly stdin: InputStream | null;
  readonly stdout: OutputStream | null;
  readonly stderr: OutputStream | null;
  readonly #connection: Connection;
  readonly #request: ProcessRequest;
  readonly #onAbort: () => void;
  #id = 0;
  #over = false;
  #resolveStarted!: (reply: LaunchedReply) => void;
  #rejectStarted!: (error: unknown) => void;
  #resolveExit!: (exit: KeeperExit) => void;
  #rejectExit!: (error: unknown) => void;

  /** Begins the request. Throws when it cannot be encoded or its signal has fired. */
  constructor(connection: Connection, request: ProcessRequest) {
    this.#connection = connection;
    this.#request = request;
    this.started = new Promise((resolve, reject) => {
      this.#resolveStarted = resolve;
      this.#rejectStarted = reject;
    });
    this.exit = new Promise((resolve, reject) => {
      this.#resolveExit = resolve;
      this.#rejectExit = reject;
    });
    // Whoever wants the exit awaits it; a process that nobody waits for must not end this one.
    this.exit.catch(ignored);
    this.stdin = request.streams.stdin === true ? this.#input() : null;
    this.stdout = request.streams.stdout === true ? this.#output(1) : null;
    this.stderr = request.streams.stderr === true ? this.#output(2) : null;
    this.#onAbort = () => {
      this.cancel();
    };
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    connection.begin(request.type, {
      payload: request.payload,
      handler: this,
      began: (id) => {
        this.#began(id);
      },
    });
  }

  /** The request's number, for RESIZE, SIGNAL and CANCEL. */
  get id(): number {
    return this.#id;
  }

  frame(type: number, payload: BinaryReader): boolean {
    switch (type) {
      case reply.launched:
        return this.#start(decodeLaunched(payload));
      case reply.ok:
        return this.#start(attached);
      case reply.stream:
        this.#outputOf(payload.u8())?.receive(payload.bytes());
        return false;
      case reply.streamEnd:
        this.#streamEnded(payload.u8());
        return false;
      case reply.credit:
        payload.u8();
        this.stdin?.credit(payload.u32());
        return false;
      case reply.exit:
        this.#resolveExit(decodeExitReply(payload));
        this.#endStreams();
        return true;
      default:
        return false;
    }
  }

  refused(failure: KeeperFailure): void {
    const { signal, attempt } = this.#request;
    const aborted =
      failure.phase === 'request' || failure.operation === undefined
        ? signal?.aborted === true
        : false;
    const error = errorOfFailure(failure, attempt);
    const canceled = aborted && signal !== undefined && isWarrenError(error, 'canceled');
    this.#fail(
      canceled ? canceledError(`${attempt.action} ${attempt.object}`.trim(), signal) : error,
    );
  }

  gone(error: WarrenError): void {
    this.#fail(error);
  }

  /** Ends the request: an exec is killed, an attach detached, a launch before its "go" undone. */
  cancel(): void {
    if (this.#over || this.#id === 0) return;
    const other = this.#id;
    this.#connection.begin(requests.cancel, {
      payload: (writer) => writer.u64(other),
      // A request that ended meanwhile has nothing left to cancel.
      handler: { frame: () => true, refused: ignored, gone: ignored },
    });
  }

  #began(id: number): void {
    this.#id = id;
    if (this.#request.signal?.aborted === true) this.cancel();
  }

  /** True when nothing follows. */
  #start(launched: LaunchedReply): boolean {
    this.stdin?.open();
    this.#resolveStarted(launched);
    if (this.#request.expectExit) return false;
    this.#endStreams();
    return true;
  }

  #fail(error: WarrenError): void {
    this.#rejectStarted(error);
    this.#rejectExit(error);
    this.#endStreams();
  }

  #endStreams(): void {
    this.#over = true;
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.stdout?.end();
    this.stderr?.end();
    this.stdin?.over();
  }

  /** Of stream 0: the process has closed its input. */
  #streamEnded(stream: number): void {
    if (stream === 0) this.stdin?.over();
    else this.#outputOf(stream)?.end();
  }

  #outputOf(stream: number): OutputStream | null {
    return stream === 2 ? this.stderr : this.stdout;
  }

  #output(stream: number): OutputStream {
    return new OutputStream((bytes) => {
      if (!this.#over)
        this.#connection.send(requests.credit, this.#id, (writer) => writer.u8(stream).u32(bytes));
    });
  }

  #input(): InputStream {
    const connection = this.#connection;
    return new InputStream({
      send: (data) => {
        connection.send(requests.stream, this.#id, (writer) => writer.u8(0).bytes(data));
      },
      end: () => {
        connection.send(requests.streamEnd, this.#id, (writer) => writer.u8(0));
      },
      get full() {
        return connection.full;
      },
      onceDrained: (action) => {
        connection.onceDrained(action);
      },
    });
  }
}

function ignored(): void {
  // See where it is given.
}

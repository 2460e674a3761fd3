import { connect, type Socket } from 'node:net';
import { Bytes, View } from './bytes.js';
import { launchPlan, superviseOf, type Shape } from './plans.js';

export const type = {
  hello: 1,
  launch: 2,
  exec: 3,
  signal: 4,
  stop: 5,
  freeze: 6,
  wait: 7,
  list: 8,
  subscribe: 9,
  attach: 10,
  lock: 12,
  unlock: 13,
  forget: 14,
  shutdown: 17,
  upgrade: 18,
  cancel: 19,
  stream: 20,
  streamEnd: 21,
  status: 23,
  signalMany: 26,
  killAll: 27,
} as const;

const ok = 64;
const error = 65;
const launched = 67;
const exit = 68;
const states = 69;
const event = 70;
const stream = 71;
const locked = 74;
const statusOk = 75;
const signaled = 76;

/** What an ERROR frame says. */
export class Refused extends Error {
  readonly errno: number;
  readonly phase: number;
  readonly operation: number;
  readonly path: string;

  constructor(view: View) {
    const errno = view.i32();
    const phase = view.u8();
    view.u16();
    const operation = view.u16();
    const path = view.str();
    super(`${view.str()} ${path}: errno ${errno} phase ${phase} operation ${operation}`);
    this.errno = errno;
    this.phase = phase;
    this.operation = operation;
    this.path = path;
  }
}

export interface Exit {
  readonly how: number;
  readonly code: number;
  readonly oomKilled: boolean;
  readonly userUs: bigint;
  readonly maxRssBytes: bigint;
  readonly reason: number;
}

export interface State {
  readonly id: string;
  readonly status: number;
  readonly pid: number;
  readonly exit: Exit;
  readonly restarts: number;
}

function readExit(view: View): Exit {
  const how = view.u8();
  const code = view.i32();
  const oomKilled = view.u8() === 1;
  view.u64();
  view.u64();
  const userUs = view.u64();
  view.u64();
  return { how, code, oomKilled, userUs, maxRssBytes: view.u64(), reason: view.u8() };
}

/** Everything that came for one request. */
export class Reply {
  output = '';
  pid = 0;
  timesNs: number[] = [];
  fence = 0n;
  readonly states: State[] = [];
  readonly events: { kind: number; id: string }[] = [];
  status: { running: number; fdUsed: number; rssBytes: bigint; adopted: number } | undefined;
  exit: Exit | undefined;
  #settle: (() => void)[] = [];
  failure: Error | undefined;

  /** Waits until `test` holds for what has come so far. */
  async until(test: (reply: Reply) => boolean): Promise<this> {
    while (!test(this)) {
      if (this.failure) throw this.failure;
      await new Promise<void>((resolve) => this.#settle.push(resolve));
    }
    return this;
  }

  wake(): void {
    const waiting = this.#settle;
    this.#settle = [];
    for (const resolve of waiting) resolve();
  }

  #readStates(view: View): void {
    const more = view.u8();
    const count = view.u32();
    for (let i = 0; i < count; i++) {
      const id = view.str();
      const status = view.u8();
      const pid = view.u32();
      view.u64();
      const last = readExit(view);
      const restarts = view.u32();
      view.u8();
      view.u32();
      view.u64();
      view.u64();
      this.states.push({ id, status, pid, exit: last, restarts });
    }
    this.done = more === 0;
  }

  #readLaunched(view: View): void {
    this.pid = view.u32();
    view.u64();
    const clamps = view.u32();
    for (let i = 0; i < clamps; i++) {
      view.u8();
      view.str();
      view.u64();
      view.u64();
    }
    this.timesNs = Array.from({ length: view.u32() }, () => view.u32());
  }

  done = false;

  /** Of SIGNALED. */
  errnos: readonly number[] = [];

  take(frameType: number, view: View): void {
    if (frameType === error) this.failure = new Refused(view);
    if (frameType === ok) this.done = true;
    if (frameType === states) this.#readStates(view);
    if (frameType === launched) this.#readLaunched(view);
    if (frameType === exit) {
      view.str();
      this.exit = readExit(view);
    }
    if (frameType === stream) {
      view.u8();
      this.output += view.str();
    }
    if (frameType === event) {
      const kind = view.u16();
      view.u64();
      this.events.push({ kind, id: view.str() });
    }
    if (frameType === signaled) {
      this.errnos = Array.from({ length: view.u32() }, () => view.i32());
      this.done = true;
    }
    if (frameType === locked) this.fence = view.u64();
    if (frameType === statusOk) {
      view.u32();
      const running = view.u32();
      const fdUsed = view.u32();
      view.u32();
      view.u32();
      view.u32();
      const rssBytes = view.u64();
      view.u64();
      view.u64();
      this.status = { running, fdUsed, rssBytes, adopted: view.u32() };
    }
    this.wake();
  }
}

/** A connection to a keeper. */
export class Client {
  readonly socket: Socket;
  readonly #replies = new Map<bigint, Reply>();
  #pending: Buffer = Buffer.alloc(0);
  #next = 1n;
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.#read(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      for (const reply of this.#replies.values()) {
        reply.failure ??= new Error('The connection ended');
        reply.wake();
      }
    });
  }

  static async open(path: string): Promise<Client> {
    const socket = connect(path);
    const client = new Client(socket);
    const hello = new Bytes().u32(0x4e525257).u16(1).u16(1).str('test');
    const reply = client.send(type.hello, hello);
    await reply.until(() => client.greeted);
    return client;
  }

  greeted = false;

  #read(data: Buffer): void {
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, data]) : data;
    while (this.#pending.length >= 16) {
      const size = this.#pending.readUInt32LE();
      if (this.#pending.length < size) return;
      const frameType = this.#pending.readUInt16LE(4);
      const id = this.#pending.readBigUInt64LE(8);
      const payload = this.#pending.subarray(16, size);
      this.#pending = this.#pending.subarray(size);
      if (frameType === 66) this.greeted = true;
      this.#replies.get(id)?.take(frameType, new View(payload));
    }
  }

  send(frameType: number, payload: Bytes = new Bytes()): Reply {
    return this.request(frameType, payload).reply;
  }

  request(frameType: number, payload: Bytes = new Bytes()): { id: bigint; reply: Reply } {
    const id = this.#next++;
    const reply = new Reply();
    if (this.ended) reply.failure = new Error('The connection ended');
    this.#replies.set(id, reply);
    this.frame(frameType, id, payload);
    return { id, reply };
  }

  frame(frameType: number, id: bigint, payload: Bytes): void {
    const body = payload.done();
    this.socket.write(
      new Bytes()
        .u32(16 + body.length)
        .u16(frameType)
        .u16(0)
        .u64(id)
        .raw(body)
        .done(),
    );
  }

  launch(shape: Shape, flags = 0, fence = 0n): Reply {
    const payload = new Bytes().u32(flags).u64(fence);
    return this.send(type.launch, payload.bytes(superviseOf(shape)).bytes(launchPlan(shape)));
  }

  async stopped(id: string, timeoutMs = 5000): Promise<Exit> {
    const reply = this.send(type.stop, new Bytes().str(id).u32(15).u64(timeoutMs));
    await reply.until((now) => now.exit !== undefined);
    return reply.exit as Exit;
  }

  async waited(id: string): Promise<Exit> {
    const reply = this.send(type.wait, new Bytes().str(id).u8(0));
    await reply.until((now) => now.exit !== undefined);
    return reply.exit as Exit;
  }

  async listed(): Promise<readonly State[]> {
    return (await this.send(type.list, new Bytes().u32(0)).until((now) => now.done)).states;
  }

  async forgotten(ids: readonly string[]): Promise<void> {
    await this.send(type.forget, new Bytes().strings(ids)).until((now) => now.done);
  }

  close(): void {
    this.socket.destroy();
  }
}

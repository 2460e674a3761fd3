/** A server that speaks the protocol as a test tells it to. It decodes with its own code, byte by byte. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryReader, BinaryWriter } from '../../../../../src/base/binary.js';

export interface Received {
  readonly type: number;
  readonly request: bigint;
  readonly payload: BinaryReader;
}

export type Script = (frame: Received, client: ScriptedClient) => void;

/** One connection, seen from the server. */
export class ScriptedClient {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  reply(
    request: bigint,
    type: number,
    payload: (writer: BinaryWriter) => void = () => undefined,
  ): void {
    const body = new BinaryWriter();
    payload(body);
    const bytes = body.toBytes();
    const header = Buffer.alloc(16);
    header.writeUInt32LE(16 + bytes.length, 0);
    header.writeUInt16LE(type, 4);
    header.writeBigUInt64LE(request, 8);
    this.#socket.write(Buffer.concat([header, bytes]));
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.destroy();
  }
}

export class ScriptedKeeper {
  readonly directory: string;
  readonly path: string;
  /** Every frame after HELLO. */
  readonly received: { readonly type: number; readonly request: bigint; readonly size: number }[] =
    [];
  /** Chunks in which bytes arrived. */
  reads = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(directory: string, server: Server) {
    this.directory = directory;
    this.path = join(directory, 'keeper-0.sock');
    this.#server = server;
  }

  /** @param protocol the version that it speaks */
  static async listen(script: Script, protocol = 1): Promise<ScriptedKeeper> {
    const directory = mkdtempSync(join(tmpdir(), 'wrn-script-'));
    const server = createServer();
    const keeper = new ScriptedKeeper(directory, server);
    server.on('connection', (socket) => {
      keeper.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => keeper.#sockets.delete(socket));
      keeper.#serve(socket, script, protocol);
    });
    await new Promise<void>((resolve) => server.listen(keeper.path, resolve));
    return keeper;
  }

  /** Ends every connection, as a keeper that was killed. */
  dropClients(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropClients();
    await new Promise<void>((resolve) =>
      this.#server.close(() => {
        resolve();
      }),
    );
    rmSync(this.directory, { recursive: true, force: true });
  }

  #serve(socket: Socket, script: Script, protocol: number): void {
    const client = new ScriptedClient(socket);
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      this.reads++;
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 16 && pending.length >= pending.readUInt32LE(0)) {
        const size = pending.readUInt32LE(0);
        const frame = {
          type: pending.readUInt16LE(4),
          request: pending.readBigUInt64LE(8),
          payload: new BinaryReader(Buffer.from(pending.subarray(16, size))),
        };
        pending = pending.subarray(size);
        if (frame.type === 1) greet(frame, client, protocol);
        else {
          this.received.push({ type: frame.type, request: frame.request, size });
          script(frame, client);
        }
      }
    });
  }
}

function greet({ request, payload }: Received, client: ScriptedClient, protocol: number): void {
  if (payload.u32() !== 0x4e525257) throw new Error('HELLO without its magic');
  client.reply(request, 66, (writer) =>
    writer.u16(protocol).str('9.9.9').u32(42).u32(41).u16(0).str('boot'),
  );
}

export function writeExit(writer: BinaryWriter, code: number, how: number = 1): void {
  writer
    .u8(how)
    .i32(code)
    .bool(false)
    .u64(1_000_000_000)
    .u64(2_000_000_000)
    .u64(5)
    .u64(6)
    .u64(7)
    .u8(0);
}

export function sendError(
  client: ScriptedClient,
  request: bigint,
  error: {
    errno: number;
    phase?: number;
    index?: number;
    operation?: number;
    path?: string;
    message?: string;
  },
): void {
  client.reply(request, 65, (writer) =>
    writer
      .i32(error.errno)
      .u8(error.phase ?? 0)
      .u16(error.index ?? 0xffff)
      .u16(error.operation ?? 0)
      .str(error.path ?? '')
      .str(error.message ?? ''),
  );
}

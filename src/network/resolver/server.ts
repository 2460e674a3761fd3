import { createSocket, type RemoteInfo, type Socket as Datagrams } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { codes, emptyAnswer, readQuery, refusal, truncated, type Query } from './message.js';
import { framed } from './upstream.js';

/** Answers a query of the client with that address; null: it gets no answer. */
export type Answer = (query: Query, client: string) => Promise<Buffer | null>;

/** What clients may have at once, so that one of them does not take it from the others. What is beyond is dropped, as UDP may. */
const questionsOfAll = 1024;
const questionsOfOne = 32;
const connectionsOfAll = 512;
const connectionsOfOne = 8;
const idleMs = 10_000;
const largestQuestion = 1024;
const largestAnswer = 65_535;

export interface ResolverSockets {
  /** Descriptors of sockets that are bound. */
  readonly datagrams: number;
  readonly streams: number;
}

/** Answers on UDP and TCP. What clients send is never more than a question in a bounded number of places. */
export class ResolverServer {
  readonly #answer: Answer;
  readonly #open = new Counter(questionsOfOne, questionsOfAll);
  readonly #connections = new Counter(connectionsOfOne, connectionsOfAll);
  readonly #datagrams: Datagrams;
  readonly #streams: Server;

  constructor(answer: Answer) {
    this.#answer = answer;
    this.#datagrams = createSocket('udp4', (message, from) => {
      void this.#onDatagram(message, from);
    });
    this.#streams = createServer((socket) => {
      this.#onConnection(socket);
    });
  }

  async listen({ datagrams, streams }: ResolverSockets): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#datagrams.once('error', reject).bind({ fd: datagrams }, resolve);
    });
    await new Promise<void>((resolve, reject) => {
      this.#streams.once('error', reject).listen({ fd: streams }, resolve);
    });
  }

  /** Resolves when it does not listen any more; rejects when it cannot go on. */
  async ended(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#datagrams.once('error', reject).once('close', resolve);
      this.#streams.once('error', reject).once('close', resolve);
    });
  }

  close(): void {
    this.#datagrams.close();
    this.#streams.close();
  }

  async #onDatagram(message: Buffer, from: RemoteInfo): Promise<void> {
    const answer = await this.#answered(message, from.address, true);
    // A client that is gone by now does not need it.
    if (answer !== null) this.#datagrams.send(answer, from.port, from.address, () => undefined);
  }

  async #answered(message: Buffer, client: string, isDatagram: boolean): Promise<Buffer | null> {
    const read = readQuery(message);
    if (read === null) return null;
    if ('code' in read) return refusal(read.id, read.code);
    if (!this.#open.enter(client)) return null;
    const query = isDatagram ? read.query : { ...read.query, room: largestAnswer };
    try {
      const answer = await this.#answer(query, client);
      return answer === null || answer.length <= query.room ? answer : truncated(query, answer);
    } catch {
      // One question that cannot be answered ends neither the others nor the process.
      return emptyAnswer(query, codes.serverFailure);
    } finally {
      this.#open.leave(client);
    }
  }

  #onConnection(socket: Socket): void {
    const client = socket.remoteAddress ?? '';
    if (!this.#connections.enter(client)) {
      socket.destroy();
      return;
    }
    socket.once('close', () => {
      this.#connections.leave(client);
    });
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    void this.#converse(socket, client);
  }

  /** One question at a time: what follows waits in the kernel. */
  async #converse(socket: Socket, client: string): Promise<void> {
    let received = Buffer.alloc(0);
    try {
      for await (const data of socket) {
        received = Buffer.concat([received, data as Buffer]);
        while (received.length >= 2) {
          const length = received.readUInt16BE(0);
          if (length > largestQuestion) return;
          if (received.length < length + 2) break;
          const answer = await this.#answered(received.subarray(2, length + 2), client, false);
          received = received.subarray(length + 2);
          if (answer === null) return;
          if (!socket.write(framed(answer))) await drained(socket);
        }
      }
    } catch {
      // The client broke the connection off.
    } finally {
      socket.end();
    }
  }
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('drain', resolve).once('close', resolve);
  });
}

/** Counts what each client has, and all together. */
class Counter {
  readonly #each: number;
  readonly #all: number;
  readonly #counts = new Map<string, number>();
  #sum = 0;

  constructor(each: number, all: number) {
    this.#each = each;
    this.#all = all;
  }

  enter(client: string): boolean {
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.#each || this.#sum >= this.#all) return false;
    this.#counts.set(client, count + 1);
    this.#sum += 1;
    return true;
  }

  leave(client: string): void {
    const count = this.#counts.get(client) ?? 0;
    if (count <= 1) this.#counts.delete(client);
    else this.#counts.set(client, count - 1);
    this.#sum -= 1;
  }
}

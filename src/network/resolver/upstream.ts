import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { forwardedQuery, isAnswerTo, isTruncated, type Query } from './message.js';

const port = 53;
/** Per server; clients ask again after five seconds. */
const patienceMs = 2000;
const largestMessage = 65_535;

/**
 * Asks servers one after the other until one answers; null: none did. Each question has a socket with a port and an id of its own,
 * so that nobody beside the server can answer it.
 */
export async function askServers(query: Query, servers: readonly string[]): Promise<Buffer | null> {
  for (const server of servers) {
    const answer = await askOverUdp(query, server);
    if (answer === null) continue;
    return isTruncated(answer) ? ((await askOverTcp(query, server)) ?? answer) : answer;
  }
  return null;
}

async function askOverUdp(query: Query, server: string): Promise<Buffer | null> {
  const id = randomInt(65_536);
  const socket = createSocket(isIPv6(server.split('%')[0] ?? '') ? 'udp6' : 'udp4');
  return await new Promise((resolve) => {
    const end = (answer: Buffer | null): void => {
      clearTimeout(timer);
      socket.removeAllListeners('message');
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(end, patienceMs, null);
    // A server that nobody listens at, or without a route: the next one is asked.
    socket.once('error', () => {
      end(null);
    });
    socket.on('message', (message) => {
      if (isAnswerTo(query, id, message)) end(message);
    });
    socket.once('connect', () => {
      socket.send(forwardedQuery(query, id));
    });
    socket.connect(port, server);
  });
}

async function askOverTcp(query: Query, server: string): Promise<Buffer | null> {
  const id = randomInt(65_536);
  const message = forwardedQuery(query, id);
  const socket = connect({ port, host: server });
  return await new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const end = (answer: Buffer | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, patienceMs, null);
    socket.once('connect', () => socket.write(framed(message)));
    socket.on('error', () => {
      end(null);
    });
    socket.on('end', () => {
      end(null);
    });
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      const length = received.length < 2 ? largestMessage : received.readUInt16BE(0);
      if (received.length < length + 2) return;
      const answer = received.subarray(2, length + 2);
      end(isAnswerTo(query, id, answer) ? answer : null);
    });
  });
}

/** A message as TCP carries it. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

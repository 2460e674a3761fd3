import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { randomInt } from 'node:crypto';
import * as dns from 'dns-packet';

type Zone = Readonly<Record<string, readonly dns.Answer[]>>;

/** A name server of the outside, on an address of the loopback of its own. */
export interface NameServer extends AsyncDisposable {
  readonly address: string;
  /** Names that it was asked for. */
  readonly asked: readonly string[];
}

/** Knows the names of a zone; answers that are too long for UDP are cut, as RFC 2181 has it. */
export async function startNameServer(zone: () => Zone): Promise<NameServer> {
  const address = `127.${100 + randomInt(100)}.${randomInt(250)}.${1 + randomInt(250)}`;
  const asked: string[] = [];
  const answerTo = (message: Buffer): Buffer => {
    const { id, questions = [] } = dns.decode(message);
    const [question] = questions;
    asked.push(question?.name ?? '');
    const known = zone()[question?.name ?? ''];
    const answers = known?.filter(
      ({ type }) =>
        type === question?.type || type === 'CNAME' || known.some((each) => each.type === 'CNAME'),
    );
    const flags = dns.RECURSION_AVAILABLE | (known === undefined ? 3 : 0);
    return dns.encode({ type: 'response', id: id ?? 0, flags, questions, answers: answers ?? [] });
  };
  const datagrams = createSocket('udp4', (message, from) => {
    const answer = answerTo(message);
    const { id = 0, questions = [] } = dns.decode(message);
    const cut = { type: 'response', id, flags: dns.TRUNCATED_RESPONSE, questions } as const;
    datagrams.send(answer.length > 512 ? dns.encode(cut) : answer, from.port, from.address);
  });
  const open = new Set<Socket>();
  const streams = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('data', (data) => {
      const answer = answerTo(data.subarray(2));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length, 0);
      socket.end(Buffer.concat([length, answer]));
    });
  });
  datagrams.bind(53, address);
  streams.listen(53, address);
  await Promise.all([once(datagrams, 'listening'), once(streams, 'listening')]);
  return {
    address,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      datagrams.close();
      streams.close();
      await once(streams, 'close');
    },
  };
}

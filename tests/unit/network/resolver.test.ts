import { randomBytes } from 'node:crypto';
import * as dns from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { serversOf } from '../../../src/network/resolver/host-servers.js';
import {
  addressAnswer,
  codes,
  decoded,
  emptyAnswer,
  forwardedQuery,
  givenAddresses,
  isAnswerTo,
  readQuery,
  relayed,
  reverseAddress,
  type Query,
} from '../../../src/network/resolver/message.js';

function ask(name: string, more: Partial<dns.Packet> = {}): Buffer {
  return dns.encode({
    type: 'query',
    id: 7,
    flags: dns.RECURSION_DESIRED,
    questions: [{ type: 'A', name, class: 'IN' }],
    ...more,
  });
}

function queryOf(bytes: Buffer): Query {
  const read = readQuery(bytes);
  if (read === null || !('query' in read)) throw new Error('It is no query');
  return read.query;
}

describe('questions', () => {
  test('of one name are read with the room for their answer', () => {
    const option = {
      type: 'OPT',
      name: '.',
      udpPayloadSize: 65_535,
      flags: dns.DNSSEC_OK,
    } as dns.Answer;
    expect(queryOf(ask('Web.Test'))).toMatchObject({ name: 'Web.Test', type: 'A', room: 512 });
    const extended = queryOf(ask('web.test', { additionals: [option] }));
    expect(extended).toMatchObject({ room: 1232, extended: true, flags: { signatures: true } });
  });

  test.each<[string, Buffer, unknown]>([
    ['too short', Buffer.alloc(11), null],
    ['too long', Buffer.alloc(1025), null],
    ['an answer', dns.encode({ type: 'response', id: 7 }), null],
    [
      'two questions',
      ask('a.test', { questions: ['a', 'b'].map((name) => ({ type: 'A', name })) }),
      codes.formatError,
    ],
    ['no question', ask('', { questions: [] }), codes.formatError],
    [
      'records with it',
      ask('a.test', { answers: [{ type: 'A', name: 'a', data: '1.2.3.4' }] }),
      codes.formatError,
    ],
    ['cut off', ask('a.test').subarray(0, 15), codes.formatError],
    [
      'bytes that are no text',
      Buffer.concat([ask('a').subarray(0, 12), Buffer.from([1, 0xff, 0, 0, 1, 0, 1])]),
      codes.formatError,
    ],
    [
      'a name that is its own end',
      Buffer.concat([ask('a').subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
      codes.formatError,
    ],
    ['a transfer', ask('a.test', { questions: [{ type: 'AXFR', name: 'a.test' }] }), codes.refused],
    [
      'another class',
      ask('a.test', { questions: [{ type: 'TXT', name: 'version.bind', class: 'CH' }] }),
      codes.refused,
    ],
    ['an update', ask('a.test', { flags: 5 << 11 }), codes.notImplemented],
  ])('that are none: %s', (_name, bytes, code) => {
    const read = readQuery(bytes);
    expect(read).toEqual(code === null ? null : { id: 7, code });
  });

  test('made of noise never throw, and come back as they were when they are read', () => {
    for (let round = 0; round < 20_000; round += 1) {
      const noise = randomBytes(12 + (round % 60));
      Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]).copy(noise);
      const read = readQuery(noise);
      if (read === null || !('query' in read)) continue;
      const again = dns.decode(forwardedQuery(read.query, 9));
      expect(again.questions?.[0]?.name.replace(/^\.$/, '')).toBe(read.query.name);
    }
  });
});

describe('answers', () => {
  const query = queryOf(ask('web.test'));

  test('have the addresses of the type that was asked for', () => {
    const { id, answers } = dns.decode(addressAnswer(query, ['10.1.2.3', 'fd57::3']));
    expect(id).toBe(7);
    expect(answers).toMatchObject([{ type: 'A', name: 'web.test', data: '10.1.2.3' }]);
    expect(decoded(emptyAnswer(query, codes.refused))).toMatchObject({ rcode: 'REFUSED' });
  });

  test('of a server are those to its question alone', () => {
    const answer = (name: string, id: number): Buffer =>
      dns.encode({ type: 'response', id, questions: [{ type: 'A', name }] });
    expect(isAnswerTo(query, 9, answer('WEB.test', 9))).toBe(true);
    expect(isAnswerTo(query, 9, answer('web.test', 8))).toBe(false);
    expect(isAnswerTo(query, 9, answer('web.tests', 9))).toBe(false);
    expect(isAnswerTo(query, 9, forwardedQuery(query, 9))).toBe(false);
    expect(isAnswerTo(query, 9, Buffer.alloc(12))).toBe(false);
  });

  test('that are too long are cut to their question', () => {
    const data = Array.from({ length: 60 }, (_, index) => `10.0.0.${index}`);
    const answer = relayed(query, addressAnswer(query, data), 512);
    expect(dns.decode(answer)).toMatchObject({ id: 7, flag_tc: true, answers: [] });
    expect(relayed(query, addressAnswer(query, data), 65_535).length).toBeGreaterThan(512);
  });

  test('give a name what its chain of aliases leads to, for the shortest time', () => {
    const records: dns.Answer[] = [
      { type: 'A', name: 'b.test', ttl: 300, data: '192.0.2.1' },
      { type: 'A', name: 'stranger.test', ttl: 300, data: '192.0.2.9' },
      { type: 'CNAME', name: 'Web.test', ttl: 20, data: 'b.test' },
    ];
    const given = givenAddresses(query, dns.encode({ type: 'response', answers: records }));
    expect(given).toEqual([{ address: { family: 4, value: 0xc000_0201n }, ttlSeconds: 20 }]);
    expect(givenAddresses(query, Buffer.from('nothing of the kind'))).toBeNull();
  });
});

test('names of addresses are read back', () => {
  expect(reverseAddress('4.3.2.1.in-addr.arpa')).toEqual({ family: 4, value: 0x0102_0304n });
  const six = `1.${'0.'.repeat(27)}7.5.d.f.ip6.arpa`;
  expect(reverseAddress(six)).toEqual({ family: 6, value: (0xfd57n << 112n) | 1n });
  for (const name of ['x.in-addr.arpa', '3.2.1.in-addr.arpa', 'ip6.arpa', 'web.test'])
    expect(reverseAddress(name)).toBeUndefined();
});

test('servers of the host are its nameserver lines, or the host itself', () => {
  const text = '# no\nnameserver 127.0.0.53\nsearch a b\nnameserver fe80::1%eth0\nnameserver x\n';
  expect(serversOf(text)).toEqual(['127.0.0.53', 'fe80::1%eth0']);
  expect(serversOf('')).toEqual(['127.0.0.1']);
});

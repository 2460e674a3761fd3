/** DNS messages (RFC 1035, 6891) as the resolver reads and writes them, by `dns-packet`. Pure. */
import * as dns from 'dns-packet';
import { isIP } from 'node:net';
import { formatAddress, parseAddress, type IpAddress } from '../../base/ip.js';

/** Of an answer over UDP: what passes every network without being cut (DNS flag day 2020). */
export const largestDatagram = 1232;
const smallestDatagram = 512;
/** Of a query; RFC 1035 names are at most 255. */
const largestQuery = 1024;
const headerSize = 12;
/** Seconds for which names of containers may be kept: they come and go. */
const localTtl = 5;

export const codes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;
export type Code = (typeof codes)[keyof typeof codes];

/** What a client asks. */
export interface Query {
  readonly id: number;
  /** Without the last dot, as it was written. */
  readonly name: string;
  readonly type: dns.RecordType;
  /** Bytes that an answer over UDP may have. */
  readonly room: number;
  readonly extended: boolean;
  /** Of its header and its DO bit. */
  readonly flags: {
    readonly recursion: boolean;
    readonly unchecked: boolean;
    readonly signatures: boolean;
  };
}

/** A query, or why it is none: a code to answer with, null: nothing at all. */
export type Read = { readonly query: Query } | { readonly code: Code; readonly id: number } | null;

/** Reads what a client sent, who may have written anything. */
export function readQuery(bytes: Buffer): Read {
  if (bytes.length < headerSize || bytes.length > largestQuery) return null;
  const id = bytes.readUInt16BE(0);
  const isAnswer = (bytes.readUInt8(2) & 0x80) !== 0;
  if (isAnswer) return null;
  const counts = [4, 6, 8].map((at) => bytes.readUInt16BE(at));
  if (counts[0] !== 1 || counts[1] !== 0 || counts[2] !== 0) return { id, code: codes.formatError };
  if ((bytes.readUInt8(2) & 0x78) !== 0) return { id, code: codes.notImplemented };
  const packet = decoded(bytes);
  const [question] = packet?.questions ?? [];
  if (packet === null || question === undefined || !isPlain(question.name))
    return { id, code: codes.formatError };
  if (question.class !== 'IN' || isTransfer(question.type)) return { id, code: codes.refused };
  const option = packet.additionals?.find((record) => record.type === 'OPT');
  const offered = option === undefined ? smallestDatagram : option.udpPayloadSize;
  return {
    query: {
      id,
      name: question.name === '.' ? '' : question.name,
      type: question.type,
      room: Math.min(Math.max(offered, smallestDatagram), largestDatagram),
      extended: option !== undefined,
      flags: {
        recursion: packet.flag_rd,
        unchecked: packet.flag_cd,
        signatures: option?.flag_do ?? false,
      },
    },
  };
}

/** Anything else would be another name when it is written again. */
function isPlain(name: string): boolean {
  return /^[\x21-\x7e]*$/.test(name) && name.split('.').every((label) => label.length <= 63);
}

function isTransfer(type: string): boolean {
  return type === 'AXFR' || type === 'IXFR';
}

/** null: it is no DNS message, or one that the library does not know to read. */
export function decoded(bytes: Buffer): dns.DecodedPacket | null {
  try {
    return dns.decode(bytes);
  } catch {
    return null;
  }
}

/** An answer without records. */
export function emptyAnswer(query: Query, code: Code): Buffer {
  return encodeAnswer(query, { code, answers: [] });
}

/** The answer to what could not be read: a header alone. */
export function refusal(id: number, code: Code): Buffer {
  return dns.encode({ type: 'response', id, flags: code });
}

/** Addresses of containers, those of the type that was asked for, in changing order. */
export function addressAnswer(query: Query, addresses: readonly string[]): Buffer {
  const wanted = query.type === 'A' ? 4 : query.type === 'AAAA' ? 6 : 0;
  const fitting = shuffled(addresses.filter((address) => isIP(address) === wanted));
  const answers = fitting.map((data) => ({
    type: query.type as 'A' | 'AAAA',
    name: query.name,
    ttl: localTtl,
    data,
  }));
  return encodeAnswer(query, { code: codes.noError, answers, own: true });
}

export function pointerAnswer(query: Query, name: string): Buffer {
  const answers = [{ type: 'PTR' as const, name: query.name, ttl: localTtl, data: name }];
  return encodeAnswer(query, { code: codes.noError, answers, own: true });
}

interface AnswerParts {
  readonly code: Code;
  readonly answers: dns.Answer[];
  /** The resolver knows it by itself. */
  readonly own?: boolean;
}

function encodeAnswer(query: Query, { code, answers, own = false }: AnswerParts): Buffer {
  const flags =
    code |
    dns.RECURSION_AVAILABLE |
    (own ? dns.AUTHORITATIVE_ANSWER : 0) |
    (query.flags.recursion ? dns.RECURSION_DESIRED : 0);
  return dns.encode({
    type: 'response',
    id: query.id,
    flags,
    questions: [{ type: query.type, name: query.name, class: 'IN' }],
    answers,
    ...(query.extended ? { additionals: [extension(false)] } : {}),
  });
}

function extension(signatures: boolean): dns.OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: largestDatagram,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: signatures ? dns.DNSSEC_OK : 0,
    flag_do: signatures,
    options: [],
  };
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

/** The query as it goes on to another server: the question and no more of what the client wrote. */
export function forwardedQuery(query: Query, id: number): Buffer {
  const { recursion, unchecked, signatures } = query.flags;
  return dns.encode({
    type: 'query',
    id,
    flags: (recursion ? dns.RECURSION_DESIRED : 0) | (unchecked ? dns.CHECKING_DISABLED : 0),
    questions: [{ type: query.type, name: query.name, class: 'IN' }],
    ...(query.extended ? { additionals: [extension(signatures)] } : {}),
  });
}

/** True when a server's message answers the forwarded query. */
export function isAnswerTo(query: Query, id: number, answer: Buffer): boolean {
  if (answer.length < headerSize || answer.readUInt16BE(0) !== id) return false;
  if ((answer.readUInt8(2) & 0x80) === 0 || answer.readUInt16BE(4) !== 1) return false;
  const asked = forwardedQuery(query, id).subarray(headerSize);
  const length = questionLength(asked);
  const question = answer.subarray(headerSize, headerSize + length).toString('latin1');
  return question.toLowerCase() === asked.subarray(0, length).toString('latin1').toLowerCase();
}

/** Bytes of a question that was written by us: labels, a zero, type and class. */
function questionLength(bytes: Buffer): number {
  let at = 0;
  while (bytes.readUInt8(at) !== 0) at += bytes.readUInt8(at) + 1;
  return at + 5;
}

export function isTruncated(answer: Buffer): boolean {
  return (answer.readUInt8(2) & 0x02) !== 0;
}

/** The server's answer for the client, under its own id; cut to its question when the client has no room for more. */
export function relayed(query: Query, answer: Buffer, room: number): Buffer {
  const bytes = Buffer.from(answer);
  bytes.writeUInt16BE(query.id, 0);
  return bytes.length <= room ? bytes : truncated(query, bytes);
}

/** Only header and question: the client asks again over TCP. */
export function truncated(query: Query, answer: Buffer): Buffer {
  const end = headerSize + questionLength(answer.subarray(headerSize));
  const bytes = Buffer.from(answer.subarray(0, end));
  bytes.writeUInt16BE(query.id, 0);
  bytes.writeUInt8(bytes.readUInt8(2) | 0x02, 2);
  for (const at of [6, 8, 10]) bytes.writeUInt16BE(0, at);
  return bytes;
}

/** An address that an answer gives to the name that was asked for. */
export interface GivenAddress {
  readonly address: IpAddress;
  readonly ttlSeconds: number;
}

/** Follows aliases from the question; an address lasts as long as the shortest step. Records of other names are nobody's. */
export function givenAddresses(query: Query, answer: Buffer): readonly GivenAddress[] | null {
  const packet = decoded(answer);
  if (packet === null) return null;
  const names = new Map([[query.name.toLowerCase(), Number.MAX_SAFE_INTEGER]]);
  const found: GivenAddress[] = [];
  for (const record of aliasesFirst(packet.answers ?? [])) {
    const ttl = names.get(record.name.toLowerCase());
    if (ttl === undefined || record.type === 'OPT') continue;
    const ttlSeconds = Math.min(ttl, record.ttl ?? 0);
    if (record.type === 'CNAME') names.set(record.data.toLowerCase(), ttlSeconds);
    if (record.type !== 'A' && record.type !== 'AAAA') continue;
    const address = parseAddress(record.data);
    if (address !== undefined) found.push({ address, ttlSeconds });
  }
  return found;
}

/** Servers write aliases in the order of the chain (RFC 1034, 4.3.2), and addresses behind them or not. */
function aliasesFirst(records: readonly dns.Answer[]): readonly dns.Answer[] {
  const isAlias = (record: dns.Answer): boolean => record.type === 'CNAME';
  return [...records.filter(isAlias), ...records.filter((record) => !isAlias(record))];
}

/** The address that a name below `in-addr.arpa` or `ip6.arpa` stands for. */
export function reverseAddress(name: string): IpAddress | undefined {
  const lower = name.toLowerCase();
  if (lower.endsWith('.in-addr.arpa')) {
    const parts = lower.slice(0, -'.in-addr.arpa'.length).split('.');
    return parts.length === 4 ? parseAddress(parts.reverse().join('.')) : undefined;
  }
  if (!lower.endsWith('.ip6.arpa')) return undefined;
  const nibbles = lower.slice(0, -'.ip6.arpa'.length).split('.').reverse();
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble)))
    return undefined;
  return { family: 6, value: BigInt(`0x${nibbles.join('')}`) };
}

/** How records have addresses: one text for each. */
export function canonical(address: IpAddress): string {
  return formatAddress(address);
}

/** Reads questions and writes answers; the protocol is dns-packet's. */
import { decode, encode, type Answer, type DecodedPacket, type Question } from 'dns-packet';

/** A standard query has none of it. */
const operationMask = 0x7800;
const recursionDesired = 0x0100;
const recursionAvailable = 0x0080;
const authoritative = 0x0400;
const truncated = 0x0200;

export const responseCodes = { noError: 0, serverFailure: 2, noSuchName: 3, refused: 5 } as const;

/** A question with one name, as stub resolvers send it. */
export interface Query {
  readonly id: number;
  readonly question: Question;
  /** In lower case, without a dot at the end. */
  readonly name: string;
  readonly recursionDesired: boolean;
  /** Bytes that the asker takes in one datagram. */
  readonly datagramBytes: number;
}

const plainDatagramBytes = 512;
/** More would be fragmented on the way. */
const largestDatagramBytes = 1232;

/** undefined: it is no question that can be answered, and gets no answer either. Never throws. */
export function readQuery(bytes: Uint8Array): Query | undefined {
  const packet = readPacket(bytes);
  const [question] = packet?.questions ?? [];
  if (packet?.type !== 'query' || question === undefined || packet.questions?.length !== 1) {
    return undefined;
  }
  if (((packet.flags ?? 0) & operationMask) !== 0) return undefined;
  const options = packet.additionals?.find(({ type }) => type === 'OPT');
  const offered = options?.type === 'OPT' ? options.udpPayloadSize : plainDatagramBytes;
  return {
    id: packet.id ?? 0,
    question,
    name: question.name.toLowerCase().replace(/\.$/, ''),
    recursionDesired: packet.flag_rd,
    datagramBytes: Math.min(Math.max(offered, plainDatagramBytes), largestDatagramBytes),
  };
}

/** undefined when it does not decode. */
export function readPacket(bytes: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(Buffer.from(bytes));
  } catch {
    // Whatever the packet holds, it comes from a stranger: the library's errors have no common type.
    return undefined;
  }
}

export interface Reply {
  readonly code: number;
  readonly answers: readonly Answer[];
  /** From Warren's own names. */
  readonly isOwn: boolean;
}

/** The answer's bytes; `limit`: of a datagram, beyond which it is truncated. */
export function writeReply(query: Query, reply: Reply, limit?: number): Uint8Array {
  const flags =
    recursionAvailable |
    (query.recursionDesired ? recursionDesired : 0) |
    (reply.isOwn ? authoritative : 0) |
    reply.code;
  const packet = {
    type: 'response' as const,
    id: query.id,
    flags,
    questions: [query.question],
    answers: [...reply.answers],
  };
  const bytes = encode(packet);
  if (limit === undefined || bytes.length <= limit) return bytes;
  return encode({ ...packet, flags: flags | truncated, answers: [] });
}

/** The same answer under another query's id; the bytes are those of upstream. */
export function withId(bytes: Uint8Array, id: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(id, 0);
  return copy;
}

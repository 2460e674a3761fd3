/**
 * Decides what a question is answered. Who asks is known by the source address alone: the firewall drops what comes with another
 * one's. Names of containers come first; the rest goes to the servers, for containers with egress rules only when the name is
 * listed, and what comes back is allowed before the container hears of it.
 */
import type { Answer } from 'dns-packet';
import { networkContains, parseAddress, parseNetwork } from '../../base/ip.js';
import { readPacket, readQuery, responseCodes, withId, writeReply } from './message.js';
import type { Query, Reply } from './message.js';
import { allowedBy, type AllowedName, type Asker, type NamesSource } from './names.js';
import { addressOfReverseName } from './reverse-name.js';

/** A container's own names change when it starts anew. */
const ownTimeToLive = 30;

/** Addresses of an allowed name, for a while. */
export interface Allowance {
  readonly policy: number;
  readonly address: string;
  /** 0: every port. */
  readonly port: number;
  readonly timeToLiveMs: number;
}

export interface ResolverOptions {
  readonly names: NamesSource;
  /** Asks one of the servers; `servers` empty: the host's. Throws when none answers. */
  readonly ask: (
    query: Uint8Array,
    servers: readonly string[],
    stream: boolean,
  ) => Promise<Uint8Array>;
  /** Done when the firewall lets the packets pass. */
  readonly allow: (allowances: readonly Allowance[]) => Promise<void>;
  /** Networks whose addresses no name from outside may stand for: Warren's own. */
  readonly ownNetworks: () => readonly string[];
}

/** Where a question came from. */
export interface Source {
  readonly address: string;
  /** Over TCP: answers have no bound. */
  readonly stream: boolean;
}

export type Resolve = (bytes: Uint8Array, source: Source) => Promise<Uint8Array | undefined>;

/** undefined as an answer: silence, for what is no question and for strangers. */
export function createResolver(options: ResolverOptions): Resolve {
  return async (bytes, source) => {
    const query = readQuery(bytes);
    const asker = query === undefined ? undefined : options.names.asker(source.address);
    if (query === undefined || asker === undefined) return undefined;
    const limit = source.stream ? undefined : query.datagramBytes;
    const own = ownReply(query, asker, options.names);
    if (own !== undefined) return writeReply(query, own, limit);
    const rules = asker.allowed === null ? [] : allowedBy(asker.allowed, query.name);
    if (asker.allowed !== null && rules.length === 0) return writeReply(query, refused, limit);
    try {
      return await forwarded({ bytes, query, source }, { asker, rules }, options);
    } catch {
      // No server answered; the asker tries again or gives up.
      return writeReply(query, serverFailed, limit);
    }
  };
}

const refused: Reply = { code: responseCodes.refused, answers: [], isOwn: false };
const serverFailed: Reply = { code: responseCodes.serverFailure, answers: [], isOwn: false };

function ownReply(query: Query, asker: Asker, names: NamesSource): Reply | undefined {
  const { type } = query.question;
  if (type === 'PTR') return reverseReply(query, asker, names);
  const found = asker.networks
    .map((network) => names.lookup(network, query.name))
    .find((addresses) => addresses.length > 0);
  if (found === undefined) return undefined;
  const family = type === 'A' ? 4 : type === 'AAAA' ? 6 : 0;
  const answers = found
    .filter((address) => parseAddress(address)?.family === family)
    .map((address): Answer => ({
      type: family === 4 ? 'A' : 'AAAA',
      name: query.question.name,
      ttl: ownTimeToLive,
      data: address,
    }));
  // A name that has addresses of the other family alone exists: no answers, and no error.
  return { code: responseCodes.noError, answers, isOwn: true };
}

function reverseReply(query: Query, asker: Asker, names: NamesSource): Reply | undefined {
  const address = addressOfReverseName(query.name);
  if (address === undefined) return undefined;
  const found = names.reverse(asker.networks, address);
  if (found.length === 0) return undefined;
  const answers = found.map((name): Answer => ({
    type: 'PTR',
    name: query.question.name,
    ttl: ownTimeToLive,
    data: name,
  }));
  return { code: responseCodes.noError, answers, isOwn: true };
}

interface Question {
  readonly bytes: Uint8Array;
  readonly query: Query;
  readonly source: Source;
}

interface Permission {
  readonly asker: Asker;
  /** Of an egress policy, that the name falls under. */
  readonly rules: readonly AllowedName[];
}

/** What the server said, as it said it; with egress rules once its addresses are allowed. */
async function forwarded(
  { bytes, query, source }: Question,
  { asker, rules }: Permission,
  options: ResolverOptions,
): Promise<Uint8Array> {
  const answer = await options.ask(bytes, asker.servers, source.stream);
  if (asker.allowed === null) return withId(answer, query.id);
  const packet = readPacket(answer);
  const [question] = packet?.questions ?? [];
  if (
    packet?.type !== 'response' ||
    question?.name.toLowerCase() !== query.question.name.toLowerCase()
  ) {
    return writeReply(query, serverFailed);
  }
  const addresses = addressesOf(packet.answers ?? []);
  if (addresses.some(({ address }) => isForbidden(address, options.ownNetworks()))) {
    return writeReply(query, refused);
  }
  const { policy } = asker.allowed;
  await options.allow(
    addresses.flatMap(({ address, ttl }) =>
      rules.map(({ port }) => ({ policy, address, port, timeToLiveMs: ttl * 1000 })),
    ),
  );
  return withId(answer, query.id);
}

function addressesOf(answers: readonly Answer[]): { address: string; ttl: number }[] {
  return answers.flatMap((answer) =>
    answer.type === 'A' || answer.type === 'AAAA'
      ? [{ address: answer.data, ttl: answer.ttl ?? 0 }]
      : [],
  );
}

/** Who owns an allowed name must not make the firewall open the host, other containers or a cloud's metadata service. */
const neverAllowed: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
];

function isForbidden(text: string, ownNetworks: readonly string[]): boolean {
  const address = parseAddress(text);
  if (address === undefined) return true;
  return [...neverAllowed, ...ownNetworks].some((network) => {
    const parsed = parseNetwork(network);
    return parsed !== undefined && networkContains(parsed, address);
  });
}

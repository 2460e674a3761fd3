import type { ContainerRecord } from '../../model/container.js';
import { policyOf, rulesFor } from '../../network/firewall/egress-elements.js';
import type { TimedAddress } from '../../network/firewall/egress-elements.js';
import {
  addressAnswer,
  codes,
  emptyAnswer,
  givenAddresses,
  pointerAnswer,
  relayed,
  reverseAddress,
  type GivenAddress,
  type Query,
} from '../../network/resolver/message.js';
import { askServers } from '../../network/resolver/upstream.js';
import { parseAddress } from '../../base/ip.js';
import type { RecordsStore } from '../../records/store.js';
import { addressesNamed, containerAt, nameOfAddress, type AskingContainer } from './client.js';
import type { Admission } from './admission.js';

export interface AnswerParts {
  readonly records: Pick<RecordsStore, 'containers' | 'networks'>;
  /** Name servers of the host, as they are now. */
  readonly hostServers: () => readonly string[];
  /** Lets a container with egress rules reach what it was just told. */
  readonly admit: (admission: Admission) => Promise<void>;
}

/** For how long a container may reach another that it asked for by name, with egress rules. */
const localTtlSeconds = 60;

/** The answer to one question of a container. */
export async function answerQuery(
  parts: AnswerParts,
  query: Query,
  client: string,
): Promise<Buffer> {
  const asking = containerAt(parts.records, client);
  if (asking === undefined) return emptyAnswer(query, codes.refused);
  const reverse = query.type === 'PTR' ? reverseAddress(query.name) : undefined;
  if (reverse !== undefined) {
    const { name, ours } = nameOfAddress(parts.records, asking, reverse);
    if (name !== undefined) return pointerAnswer(query, name);
    if (ours) return emptyAnswer(query, codes.noSuchName);
  }
  if (!mayAsk(asking.record, query)) return emptyAnswer(query, codes.refused);
  const addresses = addressesNamed(parts.records, asking, query.name);
  if (addresses !== undefined) {
    await admit(parts, { asking, query, given: lasting(addresses) });
    return addressAnswer(query, addresses);
  }
  // Names without a dot are those of containers: they are nobody else's business.
  if (query.name !== '' && !query.name.includes('.')) return emptyAnswer(query, codes.noSuchName);
  if (asking.places.every(({ network }) => network.internal))
    return emptyAnswer(query, codes.refused);
  return await forward(parts, asking, query);
}

function mayAsk({ spec }: ContainerRecord, { name }: Query): boolean {
  const { egress } = spec.networking;
  return egress.policy === 'allow' || rulesFor(name, egress).length > 0;
}

function lasting(addresses: readonly string[]): readonly GivenAddress[] {
  return addresses.flatMap((text) => {
    const address = parseAddress(text);
    return address === undefined ? [] : [{ address, ttlSeconds: localTtlSeconds }];
  });
}

async function forward(parts: AnswerParts, asking: AskingContainer, query: Query): Promise<Buffer> {
  const { dns } = asking.record.spec.networking;
  const answer = await askServers(query, dns.length > 0 ? dns : parts.hostServers());
  if (answer === null) return emptyAnswer(query, codes.serverFailure);
  const given = givenAddresses(query, answer);
  if (given === null && asking.record.spec.networking.egress.policy === 'deny')
    return emptyAnswer(query, codes.serverFailure);
  await admit(parts, { asking, query, given: given ?? [] });
  return relayed(query, answer, query.room);
}

interface Given {
  readonly asking: AskingContainer;
  readonly query: Query;
  readonly given: readonly GivenAddress[];
}

/** Before the container hears of an address it may reach it: its first packet is not too early. */
async function admit(parts: AnswerParts, { asking, query, given }: Given): Promise<void> {
  const { egress } = asking.record.spec.networking;
  if (egress.policy === 'allow' || given.length === 0) return;
  await parts.admit({
    container: asking.record.id,
    policies: asking.record.endpoints.map((endpoint) => policyOf(endpoint, egress)),
    rules: rulesFor(query.name, egress),
    addresses: given.map(timed),
  });
}

/** Whoever was told an address uses it a moment later. */
const shortestMs = 5000;
const longestMs = 3_600_000;

function timed({ address, ttlSeconds }: GivenAddress): TimedAddress {
  const timeoutMs = Math.min(Math.max(ttlSeconds * 1000, shortestMs), longestMs);
  return { address, timeoutMs };
}

import { isWarrenError } from '../../base/errors.js';
import { networkContains, parseAddress, parseNetwork, type IpAddress } from '../../base/ip.js';
import { shortId } from '../../base/ids.js';
import type { ContainerId, ContainerRecord } from '../../model/container.js';
import { defaultNetworkName, type Endpoint, type Network } from '../../model/network/network.js';
import { canonical } from '../../network/resolver/message.js';
import type { RecordsStore } from '../../records/store.js';

type Records = Pick<RecordsStore, 'containers' | 'networks'>;

/** A container that asks, and the networks that it is on. */
export interface AskingContainer {
  readonly record: ContainerRecord;
  readonly places: readonly { readonly network: Network; readonly endpoint: Endpoint }[];
}

/** Whose address it is; the firewall lets no container speak with another's. */
export function containerAt(records: Records, address: string): AskingContainer | undefined {
  const networks = records.networks.list();
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  for (const network of networks) {
    if (!holds(network, parsed)) continue;
    const id = records.networks.ownerOf(network.number, canonical(parsed));
    const record = id === undefined ? undefined : records.containers.get(id as ContainerId);
    if (record !== undefined) return { record, places: placesOn(record, networks) };
  }
  return undefined;
}

function holds({ subnets }: Network, address: IpAddress): boolean {
  return subnets.some(({ subnet }) => {
    const network = parseNetwork(subnet);
    return network !== undefined && networkContains(network, address);
  });
}

function placesOn(
  { endpoints }: ContainerRecord,
  networks: readonly Network[],
): AskingContainer['places'] {
  return endpoints.flatMap((endpoint) => {
    const network = networks.find(({ id }) => id === endpoint.network);
    return network === undefined ? [] : [{ network, endpoint }];
  });
}

/**
 * Addresses of the running containers that this one knows by a name: theirs or an alias, on a network that both are on, with or without
 * the network's name behind it. undefined: there is none. Only networks that somebody made have names, as in Docker.
 */
export function addressesNamed(
  records: Records,
  asking: AskingContainer,
  name: string,
): readonly string[] | undefined {
  const lower = name.toLowerCase();
  const found: string[] = [];
  for (const { network, endpoint } of asking.places) {
    if (network.name === defaultNetworkName) continue;
    const suffix = `.${network.name.toLowerCase()}`;
    const bare = lower.endsWith(suffix) ? lower.slice(0, -suffix.length) : lower;
    for (const record of namedOn(records, { network, endpoint, name: bare }))
      found.push(...addressesOn(record, network));
  }
  return found.length === 0 ? undefined : found;
}

interface NameOnNetwork {
  readonly network: Network;
  readonly endpoint: Endpoint;
  readonly name: string;
}

function namedOn(records: Records, { network, endpoint, name }: NameOnNetwork): ContainerRecord[] {
  const link = endpoint.links.find(({ alias }) => alias.toLowerCase() === name);
  const ids = new Set(records.networks.named(network.number, name));
  const all = [...ids].map((id) => records.containers.get(id as ContainerId));
  const reference = link?.container ?? (/^[0-9a-f]{12}$/.test(name) ? name : undefined);
  const other = reference === undefined ? undefined : found(records, reference);
  const isOther = link !== undefined || (other !== undefined && shortId(other.id) === name);
  if (isOther && other !== undefined && !ids.has(other.id)) all.push(other);
  return all.filter((record) => record?.phase === 'started') as ContainerRecord[];
}

function found({ containers }: Records, reference: string): ContainerRecord | undefined {
  try {
    return containers.resolve(reference);
  } catch (error) {
    if (isWarrenError(error)) return undefined;
    throw error;
  }
}

function addressesOn({ endpoints }: ContainerRecord, { id }: Network): readonly string[] {
  const endpoint = endpoints.find(({ network }) => network === id);
  return [endpoint?.ipv4, endpoint?.ipv6].filter(
    (address) => address !== null && address !== undefined,
  );
}

/** What an address is called by this container; `ours`: it is one of some network of the data root. */
export function nameOfAddress(
  records: Records,
  asking: AskingContainer,
  address: IpAddress,
): { readonly name: string | undefined; readonly ours: boolean } {
  for (const { network } of asking.places) {
    if (network.name === defaultNetworkName || !holds(network, address)) continue;
    const id = records.networks.ownerOf(network.number, canonical(address));
    const record = id === undefined ? undefined : records.containers.get(id as ContainerId);
    if (record?.phase === 'started') return { name: `${record.name}.${network.name}`, ours: true };
  }
  const ours = records.networks
    .list()
    .some((network) => network.driver !== 'macvlan' && holds(network, address));
  return { name: undefined, ours };
}

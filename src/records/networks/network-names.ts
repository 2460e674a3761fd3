import type { ContainerRecord } from '../../model/container.js';
import { defaultNetworkName, type Network } from '../../model/network/network.js';
import type { Tables } from '../database.js';

type NameKey = [number, string, string];

/** DNS compares names without case. */
function namesOf({ name, spec, endpoints }: ContainerRecord, network: Network): Set<string> {
  const aliases = endpoints.find((endpoint) => endpoint.network === network.id)?.aliases ?? [];
  const all = [name, spec.hostname, ...aliases].filter((each) => each !== '');
  return new Set(all.map((each) => each.toLowerCase()));
}

function keysOf(record: ContainerRecord, network: Network): NameKey[] {
  if (network.name === defaultNetworkName) return [];
  return [...namesOf(record, network)].map((name) => [network.number, name, record.id]);
}

/** Stores what a container is called on a network; on the default one containers have no names. */
export function writeNames(tables: Tables, record: ContainerRecord, network: Network): void {
  for (const key of keysOf(record, network)) void tables.networkNames.put(key, 1);
}

export function removeNames(tables: Tables, record: ContainerRecord, network: Network): void {
  for (const key of keysOf(record, network)) void tables.networkNames.remove(key);
}

/** Ids of the containers of that name, in no order; at most `limit`. */
export function containersNamed(
  tables: Tables,
  {
    network,
    name,
    limit,
  }: { readonly network: number; readonly name: string; readonly limit: number },
): readonly string[] {
  const start = [network, name.toLowerCase()] as unknown as NameKey;
  const end = [network, name.toLowerCase(), '\uffff'] as NameKey;
  return [...tables.networkNames.getKeys({ start, end, limit })].map(([, , id]) => id);
}

import { WarrenError } from '../../base/errors.js';
import { isIdPrefix } from '../../base/ids.js';
import type { Network, NetworkId } from '../../model/network/network.js';
import type { Tables } from '../database.js';
import { requireSpace, requireSpaceToChange } from '../space.js';
import type { NetworkRecords } from '../store.js';
import { containersNamed } from './network-names.js';

/** An answer has no room for more. */
const mostOfOneName = 64;

export class LmdbNetworks implements NetworkRecords {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async insert(make: (existing: readonly Network[]) => Network): Promise<Network> {
    const { writer, networks, directory } = this.#tables;
    requireSpace(directory);
    return await writer.write(() => {
      const network = make(this.list());
      void networks.put(network.id, network);
      return network;
    });
  }

  get(id: NetworkId): Network | undefined {
    return this.#tables.networks.get(id) as Network | undefined;
  }

  list(): readonly Network[] {
    return [...this.#tables.networks.getRange()].map(({ value }) => value as Network);
  }

  resolve(reference: string): Network {
    const networks = this.list();
    const exact = networks.find(({ id, name }) => id === reference || name === reference);
    if (exact !== undefined) return exact;
    const [first, ...others] = isIdPrefix(reference)
      ? networks.filter(({ id }) => id.startsWith(reference))
      : [];
    if (others.length > 0) {
      throw new WarrenError(
        'conflict',
        'AMBIGUOUS_ID',
        `Multiple networks found with the id prefix ${reference}`,
        { hint: 'Write more digits of the id' },
      );
    }
    if (first !== undefined) return first;
    throw new WarrenError('notFound', 'NO_SUCH_NETWORK', `network ${reference} not found`, {
      details: { network: reference },
    });
  }

  async remove(id: NetworkId): Promise<boolean> {
    const { writer, networks, meta, directory } = this.#tables;
    requireSpaceToChange(directory);
    return await writer.write(() => {
      const network = this.get(id);
      if (network === undefined) return false;
      const users = this.#users(network);
      if (users.size > 0) throw inUse(network, users.size);
      void networks.remove(id);
      for (const family of [4, 6]) void meta.remove(`nextAddress:${network.number}:${family}`);
      return true;
    });
  }

  ownerOf(network: number, address: string): string | undefined {
    return this.#tables.addresses.get([network, address]);
  }

  named(network: number, name: string): readonly string[] {
    return containersNamed(this.#tables, { network, name, limit: mostOfOneName });
  }

  users(id: NetworkId): readonly string[] {
    const network = this.get(id);
    return network === undefined ? [] : [...this.#users(network)];
  }

  #users({ number }: Network): ReadonlySet<string> {
    const users = new Set<string>();
    for (const { value } of this.#tables.slots.getRange()) {
      if (value[1] === number) users.add(value[0]);
    }
    return users;
  }
}

function inUse({ name, id }: Network, count: number): WarrenError {
  return new WarrenError(
    'conflict',
    'NETWORK_IN_USE',
    `Cannot remove network ${name}: error while removing network: network ${name} id ${id} has active endpoints (${count})`,
    { hint: 'Disconnect or remove its containers first' },
  );
}

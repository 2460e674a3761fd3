import {
  addressBits,
  formatAddress,
  networkContains,
  networkSize,
  parseAddress,
  parseNetwork,
  type IpNetwork,
} from '../../base/ip.js';
import { WarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import {
  slotCount,
  type Endpoint,
  type Network,
  type NetworkSubnet,
} from '../../model/network/network.js';
import type { Tables } from '../database.js';
import { removeNames, writeNames } from './network-names.js';

/** A bridge of the kernel has this many ports. */
const bridgePorts = 1023;

/** Addresses tried one by one in what is left of a subnet. */
const maximumSearch = 1 << 20;

/**
 * Gives endpoints their slots and addresses, going round: what was just freed is the last to come again. One of these
 * lives for one transaction: all is found first, and written afterwards.
 */
export class EndpointAllocator {
  readonly #tables: Tables;
  readonly #slots = new Set<number>();
  readonly #addresses = new Set<string>();
  readonly #cursors = new Map<string, number>();
  readonly #networks = new Map<string, Network>();
  readonly #members = new Map<string, number>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /**
   * The record with complete endpoints: those with slot -1 get one, and addresses where they ask for none.
   * @throws WarrenError conflict (ADDRESS_IN_USE), exhausted (NO_FREE_ADDRESS, BRIDGE_FULL), notFound (NO_SUCH_NETWORK),
   * invalidArgument (ADDRESS_NOT_IN_SUBNET)
   */
  allocate(record: ContainerRecord): ContainerRecord {
    if (record.endpoints.every(({ slot }) => slot >= 0)) return record;
    const endpoints = record.endpoints.map((endpoint) =>
      endpoint.slot >= 0 ? endpoint : this.#complete(endpoint),
    );
    return { ...record, endpoints };
  }

  /** Writes what the record's endpoints hold. */
  write(record: ContainerRecord): void {
    for (const endpoint of record.endpoints) {
      const network = this.#network(endpoint.network);
      const { number } = network;
      writeNames(this.#tables, record, network);
      void this.#tables.slots.put(endpoint.slot, [record.id, number]);
      for (const address of addressesOf(endpoint)) {
        void this.#tables.addresses.put([number, address], record.id);
      }
    }
  }

  /** Frees what the record's endpoints hold; a network that was removed took its addresses with it. */
  release(record: ContainerRecord): void {
    for (const endpoint of record.endpoints) {
      void this.#tables.slots.remove(endpoint.slot);
      const network = this.#tables.networks.get(endpoint.network) as Network | undefined;
      if (network === undefined) continue;
      removeNames(this.#tables, record, network);
      for (const address of addressesOf(endpoint)) {
        void this.#tables.addresses.remove([network.number, address]);
      }
    }
  }

  /** Where the next searches begin. */
  writeCursors(): void {
    for (const [name, next] of this.#cursors) void this.#tables.meta.put(name, next);
  }

  #complete(endpoint: Endpoint): Endpoint {
    const network = this.#network(endpoint.network);
    if (network.driver === 'bridge') this.#requirePort(network);
    const ipv4 = this.#address(network, 4, endpoint.ipv4);
    const ipv6 = this.#address(network, 6, endpoint.ipv6);
    const slot = this.#slot();
    const mac = endpoint.mac === '' ? macOf(ipv4, slot) : endpoint.mac;
    return { ...endpoint, slot, ipv4, ipv6, mac };
  }

  #slot(): number {
    const cursor = this.#cursor('nextSlot');
    for (let tried = 0; tried < slotCount; tried += 1) {
      const slot = (cursor + tried) % slotCount;
      if (this.#slots.has(slot) || this.#tables.slots.get(slot) !== undefined) continue;
      this.#slots.add(slot);
      this.#cursors.set('nextSlot', slot + 1);
      return slot;
    }
    throw new WarrenError(
      'exhausted',
      'NO_FREE_LINK',
      `Cannot connect another container: all ${slotCount} links of the router are in use`,
    );
  }

  #address(network: Network, family: 4 | 6, wanted: string | null): string | null {
    const subnet = network.subnets.find((candidate) => candidate.family === family);
    if (wanted !== null) return this.#take(network, subnet, wanted);
    if (subnet === undefined) return null;
    const range = parsed(subnet.range ?? subnet.subnet);
    const size = Number(networkSize(range) > maximumSearch ? maximumSearch : networkSize(range));
    const name = `nextAddress:${network.number}:${family}`;
    const cursor = this.#cursor(name);
    for (let tried = 0; tried < size; tried += 1) {
      const offset = (cursor + tried) % size;
      const address = formatAddress({ family, value: range.base + BigInt(offset) });
      if (isReserved(subnet, address) || this.#isTaken(network, address)) continue;
      this.#addresses.add(keyOf(network, address));
      this.#cursors.set(name, offset + 1);
      return address;
    }
    throw new WarrenError(
      'exhausted',
      'NO_FREE_ADDRESS',
      `Cannot connect another container to network ${network.name}: no address of ${subnet.range ?? subnet.subnet} is free`,
      { hint: 'Remove containers, or make a network with a larger subnet' },
    );
  }

  #take(network: Network, subnet: NetworkSubnet | undefined, wanted: string): string {
    const address = parseAddress(wanted);
    if (subnet === undefined || address === undefined || !inSubnet(subnet, address.value)) {
      throw new WarrenError(
        'invalidArgument',
        'ADDRESS_NOT_IN_SUBNET',
        `Cannot use address ${wanted}: it does not belong to a subnet of network ${network.name}`,
        { hint: `Its subnets: ${network.subnets.map((each) => each.subnet).join(', ')}` },
      );
    }
    const text = formatAddress(address);
    if (isReserved(subnet, text) || this.#isTaken(network, text)) {
      throw new WarrenError(
        'conflict',
        'ADDRESS_IN_USE',
        `Cannot use address ${wanted} of network ${network.name}: Address already in use`,
      );
    }
    this.#addresses.add(keyOf(network, text));
    return text;
  }

  #isTaken(network: Network, address: string): boolean {
    return (
      this.#addresses.has(keyOf(network, address)) ||
      this.#tables.addresses.get([network.number, address]) !== undefined
    );
  }

  #requirePort(network: Network): void {
    let members = this.#members.get(network.id);
    members ??= [...this.#tables.slots.getRange()].filter(
      ({ value }) => value[1] === network.number,
    ).length;
    this.#members.set(network.id, members + 1);
    if (members < bridgePorts) return;
    throw new WarrenError(
      'exhausted',
      'BRIDGE_FULL',
      `Cannot connect another container to network ${network.name}: a bridge has at most ${bridgePorts} ports`,
      { hint: 'Use a network of driver routed: it has no such limit' },
    );
  }

  #network(id: string): Network {
    const known = this.#networks.get(id);
    if (known !== undefined) return known;
    const network = this.#tables.networks.get(id) as Network | undefined;
    if (network === undefined) {
      throw new WarrenError('notFound', 'NO_SUCH_NETWORK', `network ${id} not found`);
    }
    this.#networks.set(id, network);
    return network;
  }

  #cursor(name: string): number {
    return this.#cursors.get(name) ?? (this.#tables.meta.get(name) as number | undefined) ?? 0;
  }
}

function keyOf({ number }: Network, address: string): string {
  return `${number} ${address}`;
}

function addressesOf({ ipv4, ipv6 }: Endpoint): string[] {
  return [ipv4, ipv6].filter((address) => address !== null);
}

function parsed(text: string): IpNetwork {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(`Stored subnet ${text} is none`);
  return network;
}

function inSubnet({ family, subnet }: NetworkSubnet, value: bigint): boolean {
  return networkContains(parsed(subnet), { family, value });
}

/** The gateway, and the first and the last address, which have meanings of their own. */
function isReserved({ family, subnet, gateway }: NetworkSubnet, address: string): boolean {
  if (address === gateway) return true;
  const { base, prefix } = parsed(subnet);
  if (prefix >= addressBits(family) - 1) return false;
  const last = base + (1n << BigInt(addressBits(family) - prefix)) - 1n;
  return (
    address === formatAddress({ family, value: base }) ||
    (family === 4 && address === formatAddress({ family, value: last }))
  );
}

/** Locally administered; the same address has the same one, so that no cache elsewhere is wrong. */
function macOf(ipv4: string | null, slot: number): string {
  const tail = ipv4?.split('.').map(Number) ?? [0, slot >>> 16, (slot >>> 8) & 255, slot & 255];
  return ['0a', '57', ...tail.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

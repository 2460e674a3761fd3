/**
 * The contract of the records: transactional across processes, synchronous reads, writes in one transaction. No await and no
 * user code inside a transaction: a `change` function is pure and may be run again.
 */
import type { ContainerId, ContainerRecord, IdRange } from '../model/container.js';
import type { Network, NetworkId, PublishedPort } from '../model/network/network.js';
import type { Volume } from '../model/volume.js';
import type { IdPool } from './id-ranges.js';

export interface RecordsStore {
  readonly containers: ContainerRecords;
  readonly volumes: VolumeRecords;
  readonly networks: NetworkRecords;
  readonly ports: PortRecords;
  readonly intents: IntentRecords;
  readonly idRanges: IdRangeRecords;
  /** Frees what killed readers hold: their entries keep old pages from being used again. Returns how many there were. */
  checkReaders(): number;
  /** Resolves when everything committed so far would survive a power cut. */
  flushed(): Promise<void>;
  /** After the intents that are being ended. */
  close(): Promise<void>;
}

export interface NewContainers {
  readonly records: readonly ContainerRecord[];
  /** An id range is allocated for each record whose `ids` asks for one with base 0, and a place for each endpoint with slot -1. */
  readonly idPool: IdPool;
  /** Begun in the same transaction. */
  readonly intent?: Intent;
}

export interface ContainerRecords {
  /**
   * All or none in one transaction: names and ports must be free (conflict NAME_IN_USE, PORT_IN_USE); an empty name is generated. Throws exhausted
   * (ID_POOL_EXHAUSTED) when no id range is free. Returns the records with their names and id ranges.
   */
  insert(request: NewContainers): Promise<readonly ContainerRecord[]>;
  get(id: ContainerId): ContainerRecord | undefined;
  /** Full id, name, or a prefix of an id that fits one only (else conflict AMBIGUOUS_ID). Throws notFound `No such container: X`. */
  resolve(reference: string): ContainerRecord;
  list(): readonly ContainerRecord[];
  count(): number;
  /**
   * Replaces records in one transaction; `change` returns the new record, or null to delete it (its name and ids are freed), or
   * undefined to leave it. Endpoints with slot -1 get their place. `fence` below a record's is refused (conflict STALE_LOCK); null: no lock, `change` itself decides by what
   * it sees. `change` must be pure. Ids without a record give undefined.
   */
  change(
    ids: readonly ContainerId[],
    fence: bigint | null,
    change: (record: ContainerRecord) => ContainerRecord | null | undefined,
  ): Promise<readonly (ContainerRecord | undefined)[]>;
  rename(id: ContainerId, name: string, fence: bigint): Promise<ContainerRecord>;
}

export interface VolumeRecords {
  insert(volume: Volume): Promise<{ readonly volume: Volume; readonly created: boolean }>;
  get(name: string): Volume | undefined;
  list(): readonly Volume[];
  /** Marks a volume as shared; nothing happens when it is gone. */
  share(name: string): Promise<void>;
  remove(name: string): Promise<boolean>;
}

export interface NetworkRecords {
  /** `make` is pure: it sees the networks that there are and gives the new one, or throws. */
  insert(make: (existing: readonly Network[]) => Network): Promise<Network>;
  get(id: NetworkId): Network | undefined;
  list(): readonly Network[];
  /** Full id, name, or a prefix of an id that fits one only. Throws notFound `network X not found`. */
  resolve(reference: string): Network;
  /** False when it is gone. Throws conflict (NETWORK_IN_USE). */
  remove(id: NetworkId): Promise<boolean>;
  /** Id of the container that has an address of a network, by the network's number. */
  ownerOf(network: number, address: string): string | undefined;
  /** Ids of the containers that are called `name` on a network that is not the default one; without case, 64 at most. */
  named(network: number, name: string): readonly string[];
  /** Ids of the containers that have an endpoint in it. */
  users(id: NetworkId): readonly string[];
}

/** Ports of the host. They are claimed and freed with the records of containers, in the same transaction. */
export interface PortRecords {
  /** Id of the container that has the port, or the same one of an overlapping address. */
  owner(port: PublishedPort): string | undefined;
}

/** Multi-step work announces itself first; what a crash left is undone at the next open. */
export interface Intent {
  readonly id: string;
  /**
   * `run`: create and start, undone as a whole; `build`: the container of a build's step, always removed; `start`: nothing to undo, it
   * tells that a launch is under way; `commit`: what it froze goes on; `network`: the kernel is
   * made to have what the record says.
   */
  readonly operation:
    'create' | 'run' | 'build' | 'start' | 'remove' | 'volume' | 'image' | 'commit' | 'network';
  readonly subjects: readonly string[];
  readonly pid: number;
  /** Start time of that process (clock ticks since boot), and the boot. */
  readonly pidStart: number;
  readonly bootId: string;
}

export interface IntentRecords {
  begin(intent: Omit<Intent, 'id'>): Promise<string>;
  end(id: string): Promise<void>;
  /** Ends one that nothing waits for; `close` does. One that cannot be ended is looked at again at the next open. */
  endSoon(id: string): void;
  /** All; whose process is gone, the caller finds out. */
  list(): readonly Intent[];
}

/** Blocks of host ids. A removed container's range is not given out again before someone has seen that the kernel holds nothing of it. */
export interface IdRangeRecords {
  /** Given to containers that exist. */
  used(): readonly IdRange[];
  /** Of removed containers, waiting for the check. */
  freed(): readonly IdRange[];
  /** Checked ones may be given out again. */
  release(ranges: readonly IdRange[]): Promise<void>;
}

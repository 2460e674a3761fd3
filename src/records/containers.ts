import { WarrenError } from '../base/errors.js';
import { generateName, isId, isIdPrefix } from '../base/ids.js';
import type { ContainerId, ContainerRecord } from '../model/container.js';
import type { Tables } from './database.js';
import {
  digestOf,
  packRecord,
  parseShared,
  sharedPart,
  type SharedPart,
  unpackRecord,
} from './encoding.js';
import { EndpointAllocator } from './networks/endpoint-allocator.js';
import { PortClaims } from './networks/port-claims.js';
import { RangeCursor } from './id-ranges.js';
import { requireSpace, requireSpaceToChange } from './space.js';
import type { ContainerRecords, NewContainers } from './store.js';

type Change = (record: ContainerRecord) => ContainerRecord | null | undefined;

/** What a transaction gives records beside their own row. */
interface Allocations {
  readonly places: EndpointAllocator;
  readonly ports: PortClaims;
}

/** Above this many different specs in memory, start over. */
const maximumCachedSpecs = 2048;

/** Generated names tried before a number is appended. */
const plainNames = 3;

/**
 * Checks come before the first write of a transaction: a callback that throws then has written nothing, which lets
 * transactions of several callers share one commit.
 */
export class LmdbContainers implements ContainerRecords {
  readonly #tables: Tables;
  readonly #shared = new Map<string, SharedPart>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async insert({ records, idPool, intent }: NewContainers): Promise<readonly ContainerRecord[]> {
    const { writer, containers, names, idRanges, intents, meta } = this.#tables;
    requireSpace(this.#tables.directory);
    const equal = records.map((record) => this.#withKnownParts(record));
    return await writer.write(() => {
      const fresh = new Set<number>();
      const cursor = new RangeCursor(
        idPool,
        (meta.get('nextRange') as number | undefined) ?? 0,
        (base) => fresh.has(base) || idRanges.get(base) !== undefined,
      );
      const places = new EndpointAllocator(this.#tables);
      const ports = new PortClaims(this.#tables);
      const complete = this.#named(equal).map((named) => {
        const record = places.allocate(named);
        ports.require(record);
        if (record.ids?.base !== 0) return record;
        const ids = cursor.take();
        fresh.add(ids.base);
        return { ...record, ids };
      });
      for (const record of complete) {
        const shared = this.#countUse(record, 1);
        void containers.put(record.id, packRecord(record, shared));
        void names.put(record.name, record.id);
        if (record.ids !== null) void idRanges.put(record.ids.base, [record.ids.count, record.id]);
        places.write(record);
        ports.write(record);
      }
      places.writeCursors();
      void meta.put('nextRange', cursor.next);
      if (intent !== undefined) void intents.put(intent.id, intent);
      return complete;
    });
  }

  get(id: ContainerId): ContainerRecord | undefined {
    const packed = this.#tables.containers.get(id);
    return packed === undefined ? undefined : this.#unpack(id, packed);
  }

  resolve(reference: string): ContainerRecord {
    const name = reference.replace(/^\//, '');
    const id = isId(name) ? name : (this.#tables.names.get(name) ?? this.#idOfPrefix(name));
    const record = id === undefined ? undefined : this.get(id as ContainerId);
    if (record !== undefined) return record;
    throw new WarrenError('notFound', 'NO_SUCH_CONTAINER', `No such container: ${reference}`, {
      details: { container: reference },
    });
  }

  list(): readonly ContainerRecord[] {
    const result: ContainerRecord[] = [];
    for (const { key, value } of this.#tables.containers.getRange()) {
      result.push(this.#unpack(key, value));
    }
    return result;
  }

  /** As the table's own page has it: `getCount` would walk over all keys. */
  count(): number {
    const { entryCount } = this.#tables.containers.getStats() as { readonly entryCount: number };
    return entryCount;
  }

  async change(
    ids: readonly ContainerId[],
    fence: bigint | null,
    change: Change,
  ): Promise<readonly (ContainerRecord | undefined)[]> {
    requireSpaceToChange(this.#tables.directory);
    return await this.#tables.writer.write(() => {
      const before = ids.map((id) => this.get(id));
      for (const record of before) if (record !== undefined) requireFence(record, fence);
      const places = new EndpointAllocator(this.#tables);
      const ports = new PortClaims(this.#tables);
      const after = before.map((record) => {
        const changed = record === undefined ? undefined : change(record);
        if (!changed) return changed;
        ports.require(changed);
        return places.allocate(changed);
      });
      const allocations = { places, ports };
      return before.map((record, index) =>
        this.#replace(record, after[index], { fence, ...allocations }),
      );
    });
  }

  async rename(id: ContainerId, name: string, fence: bigint): Promise<ContainerRecord> {
    const { writer, directory, names, containers } = this.#tables;
    requireSpaceToChange(directory);
    return await writer.write(() => {
      const record = this.resolve(id);
      requireFence(record, fence);
      const owner = names.get(name);
      if (owner !== undefined && owner !== id) throw nameInUse(name, owner);
      const renamed = { ...record, name, fence };
      void names.remove(record.name);
      void names.put(name, id);
      void containers.put(id, packRecord(renamed, sharedPart(renamed).digest));
      const places = new EndpointAllocator(this.#tables);
      places.release(record);
      places.write(renamed);
      return renamed;
    });
  }

  #replace(
    before: ContainerRecord | undefined,
    after: ContainerRecord | null | undefined,
    { fence, ...allocations }: Allocations & { readonly fence: bigint | null },
  ): ContainerRecord | undefined {
    const { places, ports } = allocations;
    if (before === undefined || after === undefined) return before;
    if (after === null) {
      this.#delete(before, allocations);
      return undefined;
    }
    if (after.endpoints !== before.endpoints) {
      places.release(before);
      places.write(after);
      places.writeCursors();
    }
    if (after.ports !== before.ports) {
      ports.release(before);
      ports.write(after);
    }
    const record = fence === null ? after : { ...after, fence };
    const digest = this.#moveUse(before, record);
    void this.#tables.containers.put(record.id, packRecord(record, digest));
    return record;
  }

  #delete(record: ContainerRecord, { places, ports }: Allocations): void {
    const { containers, names, idRanges } = this.#tables;
    void containers.remove(record.id);
    void names.remove(record.name);
    this.#countUse(record, -1);
    places.release(record);
    ports.release(record);
    if (record.ids !== null) void idRanges.put(record.ids.base, [record.ids.count, '']);
  }

  /** Keeps the count of a changed spec (an update of its limits) right. */
  #moveUse(before: ContainerRecord, after: ContainerRecord): string {
    if (before.spec === after.spec && before.layers === after.layers) {
      return sharedPart(after).digest;
    }
    const digest = this.#countUse(after, 1);
    this.#countUse(before, -1);
    return digest;
  }

  #countUse(record: ContainerRecord, by: 1 | -1): string {
    const { specs, specUses } = this.#tables;
    const shared = sharedPart(record);
    const count = (specUses.get(shared.digest) ?? 0) + by;
    if (count > 0) {
      if (count === 1 && by === 1) {
        void specs.put(shared.digest, { spec: shared.spec, layers: shared.layers });
      }
      void specUses.put(shared.digest, count);
    } else {
      void specs.remove(shared.digest);
      void specUses.remove(shared.digest);
    }
    return shared.digest;
  }

  /** Records with their names: wanted ones must be free, empty ones are generated. */
  #named(records: readonly ContainerRecord[]): ContainerRecord[] {
    const { names } = this.#tables;
    const taken = new Map<string, string>();
    const ownerOf = (name: string): string | undefined => taken.get(name) ?? names.get(name);
    for (const { name, id } of records) {
      if (name === '') continue;
      const owner = ownerOf(name);
      if (owner !== undefined) throw nameInUse(name, owner);
      taken.set(name, id);
    }
    return records.map((record) => {
      if (record.name !== '') return record;
      let name = generateName();
      for (let tries = 1; ownerOf(name) !== undefined; tries += 1) {
        name = tries < plainNames ? generateName() : generateName(record.id.slice(0, 2 + tries));
      }
      taken.set(name, record.id);
      return { ...record, name };
    });
  }

  #unpack(id: string, packed: readonly unknown[]): ContainerRecord {
    const digest = digestOf(packed);
    let shared = this.#shared.get(digest);
    if (shared === undefined) {
      const stored = this.#tables.specs.get(digest);
      if (stored === undefined) {
        throw new WarrenError(
          'corrupt',
          'RECORD_CORRUPT',
          `Cannot read the record of container ${id}`,
          {
            hint: 'Run warren doctor --leaks',
          },
        );
      }
      shared = parseShared(stored);
      this.#remember(digest, shared);
    }
    return unpackRecord(id, packed, shared);
  }

  /** Equal specs are one object, in this process: what is worked out for one is known for all. */
  #withKnownParts(record: ContainerRecord): ContainerRecord {
    const { digest, spec, layers } = sharedPart(record);
    const known = this.#shared.get(digest);
    if (known?.spec === spec) return record;
    if (known !== undefined) return { ...record, spec: known.spec, layers: known.layers };
    this.#remember(digest, { spec, layers });
    return record;
  }

  #remember(digest: string, shared: SharedPart): void {
    if (this.#shared.size >= maximumCachedSpecs) this.#shared.clear();
    this.#shared.set(digest, shared);
  }

  #idOfPrefix(prefix: string): string | undefined {
    if (!isIdPrefix(prefix)) return undefined;
    const found = [
      ...this.#tables.containers.getKeys({ start: prefix, end: `${prefix}g`, limit: 2 }),
    ];
    if (found.length > 1) {
      throw new WarrenError(
        'conflict',
        'AMBIGUOUS_ID',
        `Multiple containers found with the id prefix ${prefix}`,
        { hint: 'Write more digits of the id' },
      );
    }
    return found[0];
  }
}

function requireFence(record: ContainerRecord, fence: bigint | null): void {
  if (fence === null || fence >= record.fence) return;
  throw new WarrenError(
    'conflict',
    'STALE_LOCK',
    `Cannot change container ${record.name}: another operation has taken it over`,
    { hint: 'Try again', details: { container: record.name } },
  );
}

function nameInUse(name: string, owner: string): WarrenError {
  return new WarrenError(
    'conflict',
    'NAME_IN_USE',
    `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name`,
    { details: { name, container: owner } },
  );
}

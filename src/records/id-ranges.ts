import { WarrenError } from '../base/errors.js';
import { idsPerContainer } from '../model/defaults.js';
import type { IdRange } from '../model/container.js';
import type { Tables } from './database.js';
import { requireSpaceToChange } from './space.js';
import type { IdRangeRecords } from './store.js';

export type IdPool = IdRange & {
  readonly avoid: readonly IdRange[];
  /** Claims a range for this data root; false when another one of the machine has it. */
  readonly claim?: (range: IdRange) => boolean;
};

function overlaps(a: IdRange, b: IdRange): boolean {
  return a.base < b.base + b.count && b.base < a.base + a.count;
}

/**
 * Finds free ranges in a pool, going round: a range that was just freed is the last to come again. Pure but for `taken`.
 */
export class RangeCursor {
  readonly #pool: IdPool;
  readonly #taken: (base: number) => boolean;
  readonly #slots: number;
  #next: number;

  constructor(pool: IdPool, next: number, taken: (base: number) => boolean) {
    this.#pool = pool;
    this.#taken = taken;
    this.#slots = Math.floor(pool.count / idsPerContainer);
    this.#next = next % Math.max(1, this.#slots);
  }

  /** Where the next search should begin. */
  get next(): number {
    return this.#next;
  }

  /** @throws WarrenError exhausted (ID_POOL_EXHAUSTED) */
  take(): IdRange {
    for (let tried = 0; tried < this.#slots; tried += 1) {
      const range = {
        base: this.#pool.base + this.#next * idsPerContainer,
        count: idsPerContainer,
      };
      this.#next = (this.#next + 1) % this.#slots;
      if (this.#pool.avoid.some((other) => overlaps(range, other))) continue;
      if (this.#taken(range.base)) continue;
      if (this.#pool.claim?.(range) ?? true) return range;
    }
    throw new WarrenError(
      'exhausted',
      'ID_POOL_EXHAUSTED',
      `Cannot give a container ids of its own: all ${this.#slots} ranges of the pool are in use`,
      { hint: 'Remove containers, or give the engine a larger id pool' },
    );
  }
}

export class LmdbIdRanges implements IdRangeRecords {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  used(): readonly IdRange[] {
    return this.#list((owner) => owner !== '');
  }

  freed(): readonly IdRange[] {
    return this.#list((owner) => owner === '');
  }

  async release(ranges: readonly IdRange[]): Promise<void> {
    const { idRanges, writer, directory } = this.#tables;
    requireSpaceToChange(directory);
    await writer.write(() => {
      for (const { base } of ranges) {
        if (idRanges.get(base)?.[1] === '') void idRanges.remove(base);
      }
    });
  }

  #list(wanted: (owner: string) => boolean): readonly IdRange[] {
    const result: IdRange[] = [];
    for (const { key, value } of this.#tables.idRanges.getRange()) {
      if (wanted(value[1])) result.push({ base: key, count: value[0] });
    }
    return result;
  }
}

import type { KeeperEvent } from '../../../host/port.js';

/** Of one keeper: which of its events were told, from what it stored or as they came. */
export class ToldEvents {
  /** Those that were stored and may come once more. */
  readonly #stored = new Set<bigint>();
  #newest = 0n;

  /** What is new of all that the keeper stored. */
  newOf(stored: readonly KeeperEvent[]): readonly KeeperEvent[] {
    const last = this.#newest;
    const added = stored.filter(({ timeNs }) => timeNs > last);
    for (const { timeNs } of added) {
      this.#stored.add(timeNs);
      if (timeNs > this.#newest) this.#newest = timeNs;
    }
    return added;
  }

  /** Whether an event that came was not told yet. */
  isNew({ timeNs }: KeeperEvent): boolean {
    if (this.#stored.delete(timeNs)) return false;
    if (timeNs > this.#newest) {
      // Events come in their order: none that was stored comes after this one.
      this.#stored.clear();
      this.#newest = timeNs;
    }
    return true;
  }
}

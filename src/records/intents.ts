import { newId } from '../base/ids.js';
import type { Tables } from './database.js';
import { requireSpace, requireSpaceToChange } from './space.js';
import type { Intent, IntentRecords } from './store.js';

/** Of what is there: a full disk does not stand in their way. */
const changes: ReadonlySet<Intent['operation']> = new Set(['remove', 'network']);

export class LmdbIntents implements IntentRecords {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async begin(intent: Omit<Intent, 'id'>): Promise<string> {
    const { directory, intents, writer } = this.#tables;
    if (changes.has(intent.operation)) requireSpaceToChange(directory);
    else requireSpace(directory);
    const id = newId();
    await writer.write(() => void intents.put(id, { ...intent, id }));
    return id;
  }

  async end(id: string): Promise<void> {
    const { directory, intents, writer } = this.#tables;
    requireSpaceToChange(directory);
    await writer.write(() => void intents.remove(id));
  }

  endSoon(id: string): void {
    const { directory, intents, writer } = this.#tables;
    // What cannot be ended, recovery judges by what is there, as after a crash.
    writer.soon(() => {
      requireSpaceToChange(directory);
      void intents.remove(id);
    });
  }

  list(): readonly Intent[] {
    return [...this.#tables.intents.getRange()].map(({ value }) => value as Intent);
  }
}

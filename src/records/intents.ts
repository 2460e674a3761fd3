import { newId } from '../base/ids.js';
import type { Tables } from './database.js';
import { requireSpace } from './file-system.js';
import type { Intent, IntentRecords } from './store.js';

export class LmdbIntents implements IntentRecords {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async begin(intent: Omit<Intent, 'id'>): Promise<string> {
    if (intent.operation !== 'remove') requireSpace(this.#tables.directory);
    const id = newId().slice(0, 32);
    await this.#tables.intents.put(id, { ...intent, id });
    return id;
  }

  async end(id: string): Promise<void> {
    await this.#tables.intents.remove(id);
  }

  list(): readonly Intent[] {
    return [...this.#tables.intents.getRange()].map(({ value }) => value as Intent);
  }
}

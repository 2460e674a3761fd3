import type { Volume } from '../model/volume.js';
import type { Tables } from './database.js';
import { requireSpace, requireSpaceToChange } from './space.js';
import type { VolumeRecords } from './store.js';

export class LmdbVolumes implements VolumeRecords {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async insert(volume: Volume): Promise<{ readonly volume: Volume; readonly created: boolean }> {
    const { writer, volumes, directory } = this.#tables;
    requireSpace(directory);
    return await writer.write(() => {
      const existing = this.get(volume.name);
      if (existing !== undefined) return { volume: existing, created: false };
      void volumes.put(volume.name, volume);
      return { volume, created: true };
    });
  }

  get(name: string): Volume | undefined {
    return this.#tables.volumes.get(name) as Volume | undefined;
  }

  list(): readonly Volume[] {
    return [...this.#tables.volumes.getRange()].map(({ value }) => value as Volume);
  }

  async share(name: string): Promise<void> {
    const { writer, volumes, directory } = this.#tables;
    requireSpaceToChange(directory);
    await writer.write(() => {
      const existing = this.get(name);
      if (existing !== undefined) void volumes.put(name, { ...existing, shared: true });
    });
  }

  async remove(name: string): Promise<boolean> {
    const { writer, volumes, directory } = this.#tables;
    requireSpaceToChange(directory);
    return await writer.write(() => {
      const existed = volumes.get(name) !== undefined;
      if (existed) void volumes.remove(name);
      return existed;
    });
  }
}

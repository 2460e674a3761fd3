import type { EngineContext } from '../context.js';
import type { EngineVolumes } from '../contract.js';
import { filterVolumes } from './volume-filters.js';
import {
  getVolume,
  listVolumes,
  provideVolume,
  pruneVolumes,
  removeUnusedVolume,
} from './volumes.js';

/** Volumes, bound to one engine. */
export function volumeOperations(context: EngineContext): EngineVolumes {
  return {
    create: async (options = {}) => {
      const { name = '', labels = {} } = options;
      return (await provideVolume(context, { name, anonymous: name === '', labels })).volume;
    },
    list: async ({ filters = {} } = {}) => filterVolumes(listVolumes(context), filters),
    get: async (name) => getVolume(context, name),
    remove: async (name, options) => {
      await removeUnusedVolume(context, name, options?.force ?? false);
    },
    prune: async (options) => await pruneVolumes(context, options ?? {}),
  };
}

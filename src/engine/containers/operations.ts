import type { EngineContext } from '../context.js';
import type { EngineContainers } from '../contract.js';
import { containerHandle } from '../handle.js';
import { listContainers } from '../observe/list.js';
import { allStats } from '../observe/stats.js';
import { createContainers } from './launch/create.js';
import { killContainers } from './kill.js';
import { pauseContainers, unpauseContainers } from './pause.js';
import { pruneContainers } from './prune.js';
import { removeContainers } from './remove.js';
import { restartContainers } from './restart.js';
import { startContainers } from './launch/start.js';
import { stopContainers } from './stop.js';
import { updateContainers } from './update.js';

/** The batch forms, bound to one engine. */
export function containerOperations(context: EngineContext): EngineContainers {
  return {
    create: async (configs, options) => {
      const news = configs.map((config) => ({ config, name: config.name ?? '' }));
      const results = await createContainers(context, news, options);
      return results.map((result) =>
        result.ok ? { ...result, value: containerHandle(context, result.value) } : result,
      );
    },
    start: async (references, options) => await startContainers(context, references, options),
    stop: async (references, options) => await stopContainers(context, references, options),
    kill: async (references, options) => await killContainers(context, references, options),
    restart: async (references, options) => await restartContainers(context, references, options),
    pause: async (references, options) => await pauseContainers(context, references, options),
    unpause: async (references, options) => await unpauseContainers(context, references, options),
    remove: async (references, options) => await removeContainers(context, references, options),
    update: async (references, request, options = {}) =>
      await updateContainers(context, references, { request, options }),
    list: async (filter) => await listContainers(context, filter),
    stats: async (references) => await allStats(context, references),
    prune: async (filters) => await pruneContainers(context, filters),
  };
}

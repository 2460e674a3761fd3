import { buildImage } from '../build/build.js';
import { pruneBuilds } from '../build/prune-builds.js';
import type { EngineContext } from '../context.js';
import type { EngineImages, PruneResult } from '../contract.js';
import type { ImageEvent } from '../../model/events.js';

/** Images as the engine offers them: the store's, with what containers use and what happened. */
export function imageOperations(context: EngineContext): EngineImages {
  const { images, clock, journal } = context;
  const event = (action: ImageEvent['action'], id: string, name: string): ImageEvent => ({
    type: 'image',
    timeMs: clock.now(),
    action,
    id,
    name,
  });
  return {
    list: async () => await images.list(),
    get: async (reference) => await images.get(reference),
    buildBase: async (name, options) => {
      const image = await images.buildBase(name, options);
      journal.append([event('build', image.id, image.references[0] ?? name)]);
      return image;
    },
    build: async (options) => {
      const image = await buildImage(context, options);
      journal.append([event('build', image.id, image.references[0] ?? image.id)]);
      return image;
    },
    remove: async (reference, options) => {
      const { id } = await images.get(reference);
      const removed = await images.remove(reference, {
        force: options?.force ?? false,
        usedBy: (imageId) => usersOf(context, imageId),
      });
      journal.append([
        ...removed.untagged.map((name) => event('untag', id, name)),
        ...removed.deleted.map((deleted) => event('delete', deleted, reference)),
      ]);
      return removed;
    },
    prune: async () => await pruneImages(context),
    pruneBuilds: async () => await pruneBuilds(context),
  };
}

function usersOf({ records }: EngineContext, imageId: string): readonly string[] {
  return records.containers
    .list()
    .filter(({ spec }) => spec.imageId === imageId)
    .map(({ id }) => id);
}

/** Frees what neither a reference nor a container needs. */
async function pruneImages(context: EngineContext): Promise<PruneResult> {
  const before = new Set((await context.images.list()).map(({ id }) => id));
  const inUse = new Set(context.records.containers.list().map(({ spec }) => spec.imageId));
  const { reclaimedBytes } = await context.images.collect([...inUse]);
  const after = new Set((await context.images.list()).map(({ id }) => id));
  return { deleted: [...before].filter((id) => !after.has(id)), reclaimedBytes };
}

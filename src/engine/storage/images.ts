import { buildImage } from '../build/build.js';
import { pruneBuilds } from '../build/prune-builds.js';
import type { EngineContext } from '../context.js';
import type { EngineImages, ImagePruneOptions, PruneResult } from '../contract.js';
import type { ImageEvent } from '../../model/events.js';
import type { Image } from '../../model/image.js';
import { commitContainer } from './commit.js';
import { filterImages, type ImageFilters } from './image-filters.js';
import { movedImages } from './moved-images.js';

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
    list: async (options = {}) => await listImages(context, options.filters ?? {}),
    get: async (reference) => await images.get(reference),
    history: async (reference) => await images.history(reference),
    tag: async (reference, name) => {
      const image = await images.tag(reference, name);
      journal.append([event('tag', image.id, name)]);
      return image;
    },
    commit: async (container, options = {}) => {
      const image = await commitContainer(context, container, options);
      journal.append([event('commit', image.id, options.reference ?? image.id)]);
      return image;
    },
    ...movedImages(context, event),
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
    prune: async (options) => await pruneImages(context, options),
    pruneBuilds: async () => await pruneBuilds(context),
  };
}

function usersOf({ records }: EngineContext, imageId: string): readonly string[] {
  return records.containers
    .list()
    .filter(({ spec }) => spec.imageId === imageId)
    .map(({ id }) => id);
}

async function listImages(
  { images }: EngineContext,
  filters: ImageFilters,
): Promise<readonly Image[]> {
  const all = await images.list();
  const named = [...(filters['before'] ?? []), ...(filters['since'] ?? [])];
  const found = new Map<string, Image>();
  for (const reference of named) found.set(reference, await images.get(reference));
  return filterImages(all, filters, (reference) => found.get(reference) as Image);
}

/** Frees what neither a reference nor a container needs. */
async function pruneImages(
  context: EngineContext,
  options: ImagePruneOptions = {},
): Promise<PruneResult> {
  const { all = false, filters = {} } = options;
  const before = await context.images.list();
  const fitting = new Set((await listImages(context, filters)).map(({ id }) => id));
  const inUse = new Set(context.records.containers.list().map(({ spec }) => spec.imageId));
  const { reclaimedBytes } = await context.images.collect([...inUse], {
    all,
    only: ({ id }) => fitting.has(id),
  });
  const after = new Set((await context.images.list()).map(({ id }) => id));
  return {
    deleted: before.map(({ id }) => id).filter((id) => !after.has(id)),
    reclaimedBytes,
  };
}

import { mapBounded } from '../../base/limit.js';
import type { ImageEvent } from '../../model/events.js';
import type { EngineContext } from '../context.js';
import type { MovedImages } from '../contract.js';

type MakeEvent = (action: ImageEvent['action'], id: string, name: string) => ImageEvent;

/** Images on their way in and out, with the events that tell of them. */
export function movedImages(
  { images, journal, transfers }: EngineContext,
  event: MakeEvent,
): MovedImages {
  const pull: MovedImages['pull'] = async (reference, options) => {
    const pulled = await transfers.pull(reference, options);
    const { id } = await images.get(pulled.manifest);
    journal.append([event('pull', id, pulled.reference)]);
    return pulled;
  };
  return {
    pull,
    pullAll: async (name, options) => {
      const tags = await transfers.remoteTags(name, options);
      return await mapBounded(tags, 1, (tag) => pull(`${name}:${tag}`, options));
    },
    push: async (reference, options) => {
      const pushed = await transfers.push(reference, options);
      journal.append([event('push', pushed.imageId, pushed.reference)]);
      return pushed;
    },
    load: async (archive, options) => {
      const loaded = await transfers.load(archive, options);
      journal.append(
        loaded.images.map(({ imageId, references }) =>
          event('load', imageId, references[0] ?? imageId),
        ),
      );
      return loaded;
    },
    save: async (references, options) => {
      const archive = await transfers.save(references, options);
      for (const reference of references) {
        journal.append([event('save', (await images.get(reference)).id, reference)]);
      }
      return archive;
    },
    import: async (archive, options) => {
      const manifest = await transfers.import(archive, options);
      const image = await images.get(manifest.digest);
      journal.append([event('import', image.id, image.references[0] ?? image.id)]);
      return image;
    },
  };
}

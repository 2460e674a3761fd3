import { formatAge, formatSize } from '../../base/units.js';
import type { Image } from '../../model/image.js';
import { calendarTime } from '../render/duration.js';
import type { ListView } from '../render/format.js';

const none = '<none>';

/** One line of `image ls`: an image has one for each of its references. */
export interface NamedImage {
  readonly image: Image;
  readonly reference: string | undefined;
}

/** A line for each reference, newest images first. */
export function namedImages(images: readonly Image[]): NamedImage[] {
  return [...images]
    .sort((a, b) => b.createdAtMs - a.createdAtMs)
    .flatMap((image): NamedImage[] =>
      image.references.length === 0
        ? [{ image, reference: undefined }]
        : image.references.map((reference) => ({ image, reference })),
    );
}

function nameAndTag(reference: string | undefined): readonly [string, string] {
  if (reference === undefined) return [none, none];
  const colon = reference.lastIndexOf(':');
  // A colon in front of a slash belongs to a registry's port.
  if (colon < 0 || reference.indexOf('/', colon) >= 0) return [reference, none];
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}

/** What the registry of this repository calls the image; for one without a name, what any does. */
function digestIn({ repoDigests }: Image, repository: string): string {
  const [, digest] =
    repoDigests
      .map((each) => each.split('@'))
      .find(([name]) => repository === none || name === repository) ?? [];
  return digest ?? none;
}

function shortImageId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/** How `image ls` shows images. */
export function imageView(options: {
  readonly nowMs: number;
  readonly truncate: boolean;
  /** A column for the digest that registries know. @default false */
  readonly digests?: boolean;
}): ListView<NamedImage> {
  const digest = options.digests === true ? ['Digest'] : [];
  return {
    headings: {
      Repository: 'REPOSITORY',
      Tag: 'TAG',
      Digest: 'DIGEST',
      ID: 'IMAGE ID',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      Size: 'SIZE',
      UniqueSize: 'OWN',
      SharedSize: 'SHARED',
    },
    columns: ['Repository', 'Tag', ...digest, 'ID', 'CreatedSince', 'Size', 'UniqueSize'],
    row: ({ image, reference }) => {
      const [repository, tag] = nameAndTag(reference);
      return {
        Repository: repository,
        Tag: tag,
        ID: options.truncate ? shortImageId(image.id) : image.id,
        CreatedSince: `${formatAge(options.nowMs - image.createdAtMs)} ago`,
        CreatedAt: calendarTime(image.createdAtMs),
        Size: formatSize(image.sizeBytes),
        UniqueSize: formatSize(image.sizeBytes - image.sharedBytes),
        SharedSize: formatSize(image.sharedBytes),
        Digest: digestIn(image, repository),
      };
    },
  };
}

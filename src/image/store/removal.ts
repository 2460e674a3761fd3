import { WarrenError } from '../../base/errors.js';
import { referenceOf, withoutReference, type ImageCatalog, type KnownImage } from './catalog.js';
import type { OciDescriptor } from '../oci.js';
import { parseReference } from '../reference.js';
import type { CollectOptions } from './store.js';

export interface RemovalPlan {
  /** The index afterwards. */
  readonly manifests: readonly OciDescriptor[];
  readonly untagged: readonly string[];
  /** Ids of images that are gone then. */
  readonly deleted: readonly string[];
}

interface RemovalRequest {
  readonly force: boolean;
  readonly usedBy: (imageId: string) => readonly string[];
}

/**
 * What removing a reference means, by Docker's rules: one name of several is only taken away; an id with
 * several names needs force; an image in use goes only by force, and then stays, unnamed, for its containers.
 * Throws conflict (IMAGE_IN_USE, IMAGE_HAS_REFERENCES).
 */
export function planRemoval(
  catalog: ImageCatalog,
  reference: string,
  { force, usedBy }: RemovalRequest,
): RemovalPlan {
  const image = catalog.find(reference);
  const entries = catalog.entriesOf(image.id);
  const names = entries.flatMap((entry) => referenceOf(entry) ?? []);
  const parsed = parseReference(reference);
  const byName = parsed.kind === 'name' && names.includes(parsed.familiar);
  if (byName && names.length > 1) {
    const kept = (entry: OciDescriptor): boolean => referenceOf(entry) !== parsed.familiar;
    return { manifests: all(catalog).filter(kept), untagged: [parsed.familiar], deleted: [] };
  }
  if (!byName && names.length > 1 && !force) {
    throw new WarrenError(
      'conflict',
      'IMAGE_HAS_REFERENCES',
      `Cannot remove image ${reference}: it has several names (${names.join(', ')})`,
      { hint: 'Remove them one by one, or use force' },
    );
  }
  const others = all(catalog).filter((entry) => !entries.includes(entry));
  const users = usedBy(image.id);
  if (users.length === 0) return { manifests: others, untagged: names, deleted: [image.id] };
  if (!force) throw inUse(image, reference, users);
  const [first] = entries;
  const unnamed = first === undefined ? [] : [withoutReference(first)];
  return { manifests: [...others, ...unnamed], untagged: names, deleted: [] };
}

export interface CollectionPlan {
  readonly manifests: readonly OciDescriptor[];
  readonly untagged: readonly string[];
}

/** What pruning leaves of the index: images that containers use, and those with a name unless all is asked for. */
export function planCollection(
  catalog: ImageCatalog,
  inUse: ReadonlySet<string>,
  { all: everything = false, onlySteps = false, only = () => true }: CollectOptions,
): CollectionPlan {
  const goes = (image: KnownImage): boolean => {
    if (inUse.has(image.id) || (onlySteps && !catalog.isStep(image.id))) return false;
    const named = catalog.entriesOf(image.id).some((entry) => referenceOf(entry) !== null);
    return (everything || !named) && only(catalog.describe(image));
  };
  const going = new Set(catalog.list().filter(goes));
  const entriesOf = (image: KnownImage): readonly OciDescriptor[] => catalog.entriesOf(image.id);
  return {
    manifests: catalog.list().flatMap((image) => (going.has(image) ? [] : entriesOf(image))),
    untagged: [...going].flatMap(entriesOf).flatMap((entry) => referenceOf(entry) ?? []),
  };
}

function all(catalog: ImageCatalog): readonly OciDescriptor[] {
  const images = catalog.list();
  return images.flatMap(({ id }) => catalog.entriesOf(id));
}

function inUse(image: KnownImage, reference: string, users: readonly string[]): WarrenError {
  const shown = users.slice(0, 3).map((id) => id.slice(0, 12));
  const more = users.length > shown.length ? ` and ${users.length - shown.length} more` : '';
  return new WarrenError(
    'conflict',
    'IMAGE_IN_USE',
    `Cannot remove image ${reference}: it is used by ${shown.join(', ')}${more}`,
    { hint: 'Remove these containers first', details: { image: image.id, users: users.length } },
  );
}

import { existsSync } from 'node:fs';
import { WarrenError } from '../base/errors.js';
import type { PreparedLayer } from './store/layers.js';
import {
  annotations,
  mediaTypes,
  type OciDescriptor,
  type OciImageConfig,
  type OciManifest,
} from './oci.js';
import { parseTag } from './reference.js';
import type { StoreParts } from './store/store-parts.js';

/** A layer of an image to add. */
export interface NewLayer {
  readonly blob: OciDescriptor;
  /** A finished file with the blob's content on the data root's file system, moved into the store; undefined: it is there. */
  readonly file?: string;
  /** Undefined: unpacked at its first use. */
  readonly unpacked?: PreparedLayer;
}

export interface NewImage {
  readonly config: OciImageConfig;
  /** Bottom first, one for each of the config's diff ids. */
  readonly layers: readonly NewLayer[];
  /** Names for it, in any form; none: it has only its id. */
  readonly references?: readonly string[];
  /** Of the entry in the index. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The same with documents that are given, byte by byte (a registry's, an archive's). */
export interface GivenImage extends Omit<NewImage, 'config'> {
  readonly manifest: { readonly mediaType: string; readonly content: Buffer };
  /** Not needed when the store has it. */
  readonly config?: { readonly digest: string; readonly content: Buffer };
}

/**
 * Makes an image of these layers: all of it appears at once, with its names, or nothing. Returns its manifest.
 * @throws WarrenError conflict (LAYER_GONE) when a layer that should be in the store is not there (any more)
 */
export async function addImage(parts: StoreParts, image: NewImage): Promise<OciDescriptor> {
  const { config, layers } = image;
  if (config.rootfs.diff_ids.length !== layers.length) {
    throw new Error('An image needs a layer for each of its diff ids');
  }
  const names = namesOf(image);
  await using _lock = await parts.lockIndex();
  adoptLayers(parts, layers);
  const { layout } = parts;
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: layout.writeDocument(mediaTypes.config, config),
    layers: layers.map(({ blob: { mediaType, digest, size } }) => ({ mediaType, digest, size })),
  };
  const descriptor = layout.writeDocument(mediaTypes.manifest, manifest);
  enter(parts, descriptor, { ...image, references: names });
  return descriptor;
}

/** As {@link addImage}, for documents that exist already and whose digests must stay. */
export async function addGivenImage(parts: StoreParts, image: GivenImage): Promise<OciDescriptor> {
  const names = namesOf(image);
  await using _lock = await parts.lockIndex();
  adoptLayers(parts, image.layers);
  if (image.config !== undefined) parts.layout.writeBlob(image.config.content);
  const { mediaType, content } = image.manifest;
  const digest = parts.layout.writeBlob(content);
  const descriptor: OciDescriptor = { mediaType, digest, size: content.length };
  enter(parts, descriptor, { ...image, references: names });
  return descriptor;
}

function namesOf({ references = [] }: Pick<NewImage, 'references'>): readonly string[] {
  return [...new Set(references.map(parseTag))];
}

function adoptLayers({ layout, layers: unpacked }: StoreParts, layers: readonly NewLayer[]): void {
  const gone = layers.find(
    ({ blob, file }) => file === undefined && !existsSync(layout.blobPath(blob.digest)),
  );
  if (gone !== undefined) {
    throw new WarrenError(
      'conflict',
      'LAYER_GONE',
      `Cannot make the image: its layer ${gone.blob.digest} was removed meanwhile`,
      { hint: 'Try again' },
    );
  }
  for (const { blob, file, unpacked: prepared } of layers) {
    if (file !== undefined && existsSync(file)) layout.adoptBlob(file, blob.digest);
    if (prepared !== undefined) unpacked.adopt(prepared);
  }
}

function enter(
  { catalog, layout }: StoreParts,
  manifest: OciDescriptor,
  image: Pick<NewImage, 'references' | 'annotations'>,
): void {
  const extra = image.annotations ?? {};
  const { references = [] } = image;
  let { manifests } = layout.index();
  if (references.length === 0) manifests = catalog.manifestsWithUnnamed(manifest, extra);
  for (const familiar of references) {
    manifests = catalog.manifestsWith(familiar, manifest, { manifests, extra });
  }
  layout.writeIndex(manifests);
}

/** Annotations of an index entry for an image that registries call so. */
export function repoDigestsAnnotation(digests: readonly string[]): Record<string, string> {
  return digests.length === 0 ? {} : { [annotations.repoDigests]: [...digests].sort().join(',') };
}

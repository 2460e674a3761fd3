import { createReadStream } from 'node:fs';
import { encodeTarHeader, tarEnd, tarPadding } from '../../base/tar/tar-header.js';
import type { KnownImage } from '../store/catalog.js';
import { annotations, mediaTypes, type OciDescriptor } from '../oci.js';
import { parseNamed } from '../reference.js';
import type { StoreParts } from '../store/store-parts.js';
import { withPlainLayers, type PlainImages } from './plain-layers.js';

export type ArchiveFormat = 'docker-archive' | 'oci-archive';

/** An image to save, with the names under which it was asked for. */
export interface SavedImage {
  readonly image: KnownImage;
  /** Familiar `name:tag`; none for an image that was named by its id. */
  readonly references: readonly string[];
}

/**
 * The tar of an archive that `docker load` (any version since 1.10), podman and skopeo read: an OCI layout whose blobs are those of the
 * store, and Docker's `manifest.json` and `repositories` beside it; zstd layers become plain in it ({@link withPlainLayers}). The same
 * images give the same bytes. The caller holds a lease.
 * @throws WarrenError corrupt, when a layer that is made plain is not what the image says
 */
export async function* saveImages(
  parts: StoreParts,
  images: readonly SavedImage[],
  format: ArchiveFormat,
): AsyncGenerator<Buffer> {
  if (format === 'oci-archive') {
    yield* archiveOf(parts, { images, files: new Map() }, format);
    return;
  }
  await using temporary = parts.openTemporary();
  yield* archiveOf(parts, await withPlainLayers(parts, images, temporary.directory), format);
}

async function* archiveOf(
  parts: StoreParts,
  { images, files }: PlainImages,
  format: ArchiveFormat,
): AsyncGenerator<Buffer> {
  const blobs = blobsOf(images);
  yield directory('blobs');
  yield directory('blobs/sha256');
  for (const digest of [...blobs.keys()].sort()) {
    const size = blobs.get(digest) ?? 0;
    yield header(`blobs/sha256/${digest.slice('sha256:'.length)}`, size);
    yield* createReadStream(files.get(digest) ?? parts.layout.blobPath(digest), {
      highWaterMark: 1 << 18,
    }) as AsyncIterable<Buffer>;
    yield tarPadding(size);
  }
  const documents: Record<string, object> = {
    'index.json': indexOf(images),
    ...(format === 'docker-archive' ? { 'manifest.json': dockerManifest(images) } : {}),
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    ...(format === 'docker-archive' ? { repositories: repositoriesOf(images) } : {}),
  };
  for (const [name, document] of Object.entries(documents)) {
    const content = Buffer.from(JSON.stringify(document));
    yield header(name, content.length);
    yield content;
    yield tarPadding(content.length);
  }
  yield tarEnd;
}

/** Everything that an image consists of: digest and size. */
export function blobsOf(images: readonly SavedImage[]): ReadonlyMap<string, number> {
  return new Map(
    images.flatMap(({ image }) =>
      [image.manifest, image.document.config, ...image.layers].map(
        ({ digest, size }): [string, number] => [digest, size],
      ),
    ),
  );
}

/** The index of the layout: an entry for each name. */
export function indexOf(images: readonly SavedImage[]): object {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images.flatMap(({ image, references }): OciDescriptor[] => {
      const { mediaType, digest, size } = image.manifest;
      const { architecture, os, variant } = image.source;
      const platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
      const entry: OciDescriptor = { mediaType, digest, size, platform };
      if (references.length === 0) return [entry];
      return references.map((reference) => ({ ...entry, annotations: nameAnnotations(reference) }));
    }),
  };
}

function nameAnnotations(reference: string): Record<string, string> {
  const { domain, path, tag } = parseNamed(reference);
  return {
    'io.containerd.image.name': `${domain}/${path}:${tag ?? 'latest'}`,
    [annotations.refName]: tag ?? 'latest',
  };
}

function dockerManifest(images: readonly SavedImage[]): object {
  return images.map(({ image, references }) => ({
    Config: blobName(image.id),
    RepoTags: references,
    Layers: image.layers.map(({ digest }) => blobName(digest)),
  }));
}

/** What Docker before 1.10 looked at. */
function repositoriesOf(images: readonly SavedImage[]): object {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, references } of images) {
    for (const reference of references) {
      const { familiarName, tag } = parseNamed(reference);
      const top = (image.layers.at(-1)?.digest ?? image.id).slice('sha256:'.length);
      (repositories[familiarName] ??= {})[tag ?? 'latest'] = top;
    }
  }
  return repositories;
}

function blobName(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

const owner = { uid: 0, gid: 0, mtimeSeconds: 0 } as const;

function directory(path: string): Buffer {
  return encodeTarHeader({ ...owner, path, type: 'directory', mode: 0o755, size: 0 });
}

function header(path: string, size: number): Buffer {
  return encodeTarHeader({ ...owner, path, type: 'file', mode: 0o644, size });
}

import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { decompressed } from '../layer/compression.js';
import {
  compressionOf,
  digestOf,
  mediaTypes,
  type OciDescriptor,
  type OciManifest,
} from '../oci.js';
import type { StoreParts } from '../store/store-parts.js';
import type { SavedImage } from './save.js';

/** Images as an archive holds them, and where those of their blobs are that the store does not have. */
export interface PlainImages {
  readonly images: readonly SavedImage[];
  readonly files: ReadonlyMap<string, string>;
}

/**
 * The same images without zstd layers, which `docker load` only takes in new versions: these layers become plain tars, as
 * `docker save` writes them. An image's id stays, its manifest is another one then.
 * @param temporary an empty directory for what the store does not have
 * @throws WarrenError corrupt (LAYER_DIGEST, BLOB_CORRUPT)
 */
export async function withPlainLayers(
  parts: StoreParts,
  images: readonly SavedImage[],
  temporary: string,
): Promise<PlainImages> {
  const files = new Map<string, string>();
  const plain: SavedImage[] = [];
  for (const saved of images) {
    plain.push(isPlain(saved) ? saved : await plainImage(parts, saved, { temporary, files }));
  }
  return { images: plain, files };
}

function isPlain({ image }: SavedImage): boolean {
  return image.layers.every(({ mediaType }) => compressionOf(mediaType) !== 'zstd');
}

interface Target {
  readonly temporary: string;
  readonly files: Map<string, string>;
}

async function plainImage(
  parts: StoreParts,
  saved: SavedImage,
  target: Target,
): Promise<SavedImage> {
  const { image } = saved;
  const layers: OciDescriptor[] = [];
  for (const [index, blob] of image.layers.entries()) {
    const diffId = image.source.rootfs.diff_ids[index] ?? '';
    const isZstd = compressionOf(blob.mediaType) === 'zstd';
    layers.push(isZstd ? await plainLayer(parts, blob, { ...target, diffId }) : blob);
  }
  const document: OciManifest = { ...image.document, mediaType: mediaTypes.manifest, layers };
  const content = Buffer.from(JSON.stringify(document));
  const digest = digestOf(content);
  const file = join(target.temporary, digest.slice('sha256:'.length));
  await writeFile(file, content, { mode: 0o600 });
  target.files.set(digest, file);
  const manifest = { mediaType: mediaTypes.manifest, digest, size: content.length };
  return { ...saved, image: { ...image, manifest, layers, document } };
}

/** A layer's plain tar is called by its diff id. */
async function plainLayer(
  parts: StoreParts,
  blob: OciDescriptor,
  { temporary, files, diffId }: Target & { readonly diffId: string },
): Promise<OciDescriptor> {
  const file = join(temporary, diffId.slice('sha256:'.length));
  const hash = createHash('sha256');
  let size = 0;
  const handle = await open(file, 'w', 0o600);
  try {
    for await (const chunk of decompressed(parts.layout.blobPath(blob.digest))) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
      size += chunk.length;
    }
  } finally {
    await handle.close();
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== diffId) {
    throw new WarrenError(
      'corrupt',
      'LAYER_DIGEST',
      `Cannot save layer ${blob.digest}: its content has the digest ${found}, the image says ${diffId}`,
      { hint: 'Remove the image and get it again' },
    );
  }
  files.set(diffId, file);
  return { mediaType: mediaTypes.layer, digest: diffId, size };
}

import { mapBounded } from '../base/limit.js';
import { lockAcrossProcesses } from '../host/process-lock.js';
import type { KnownImage } from './store/catalog.js';
import { compressionOf, type OciDescriptor } from './oci.js';
import type { StoreParts } from './store/store-parts.js';

/** Layers that are unpacked at one time: each keeps a core busy. */
const unpackedAtOnce = 2;

/** A layer of which the blob is in the store. */
export interface PackedLayer {
  readonly blob: OciDescriptor;
  readonly diffId: string;
  readonly chainId: string;
}

/** Unpacks the layers of an image that are not there: the blobs are. */
export async function unpackMissing(parts: StoreParts, image: KnownImage): Promise<void> {
  const missing = image.layers.flatMap((blob, index): PackedLayer[] => {
    const chainId = image.chainIds[index] ?? '';
    if (parts.layers.has(chainId)) return [];
    return [{ blob, diffId: image.source.rootfs.diff_ids[index] ?? '', chainId }];
  });
  await mapBounded(missing, unpackedAtOnce, (layer) => unpackOnce(parts, layer));
}

/** Unpacks a layer, unless somebody did or does: then that is waited for. */
export async function unpackOnce(
  parts: StoreParts,
  { blob, diffId, chainId }: PackedLayer,
  signal?: AbortSignal,
): Promise<void> {
  if (parts.layers.has(chainId)) return;
  const options = signal === undefined ? {} : { signal };
  await using _unpacking = await lockAcrossProcesses(parts.directory, `unpack:${chainId}`, options);
  if (parts.layers.has(chainId)) return;
  compressionOf(blob.mediaType);
  const source = { chainId, diffId, file: parts.layout.blobPath(blob.digest) };
  await parts.withTemporary(async (temporary) => {
    const prepared = await parts.layers.prepare(source, temporary, signal);
    await using _lock = await parts.lockIndex();
    parts.layers.adopt(prepared);
  });
}

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { addImage } from '../add-image.js';
import { applyChanges } from '../change.js';
import { decompressed } from '../layer/compression.js';
import { writeLayer } from '../layer/write-layer.js';
import { chainIds, mediaTypes, type OciDescriptor, type OciImageConfig } from '../oci.js';
import { hostPlatform } from '../platform.js';
import type { StoreParts } from '../store/store-parts.js';
import type { LoadRequest } from './load-layout.js';

export interface ImportRequest extends LoadRequest {
  /** Name of the image. */
  readonly reference: string | undefined;
  readonly changes: readonly string[];
  readonly message: string;
}

/**
 * An image with one layer, the root file system of an archive, compressed or not. Returns its manifest.
 * @throws WarrenError corrupt (ARCHIVE_…), invalidArgument (INVALID_CHANGE, INVALID_REFERENCE)
 */
export async function importRoot(
  parts: StoreParts,
  archive: AsyncIterable<Buffer>,
  request: ImportRequest,
): Promise<OciDescriptor> {
  const config = applyChanges({}, request.changes);
  const { signal } = request;
  return await parts.withTemporary(async (temporary) => {
    const given = join(temporary, 'given');
    request.onProgress({ kind: 'step', name: 'import', detail: request.reference ?? '' });
    await pipeline(
      Readable.from(archive, { objectMode: false }),
      createWriteStream(given, { mode: 0o600 }),
      signal === undefined ? {} : { signal },
    );
    const file = join(temporary, 'layer');
    const layer = await writeLayer(decompressed(given), file, signal);
    const [chainId = ''] = chainIds([layer.diffId]);
    const source = { chainId, diffId: layer.diffId, file };
    const unpacked = await parts.layers.prepare(source, temporary, signal);
    const created = new Date().toISOString();
    const image: OciImageConfig = {
      created,
      ...(request.platform ?? hostPlatform()),
      config,
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
      history: [{ created, comment: request.message }],
    };
    return await addImage(parts, {
      config: image,
      layers: [
        {
          blob: { mediaType: mediaTypes.layerGzip, digest: layer.digest, size: layer.size },
          file,
          unpacked,
        },
      ],
      references: request.reference === undefined ? [] : [request.reference],
    });
  });
}

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { addGivenImage, type NewLayer } from '../add-image.js';
import { maximumDocumentBytes, parseImageConfig } from '../documents.js';
import { decompressed } from '../layer/compression.js';
import { writeLayer } from '../layer/write-layer.js';
import { chainIds, digestOf, mediaTypes, type OciManifest } from '../oci.js';
import { parseTag } from '../reference.js';
import type { StoreParts } from '../store/store-parts.js';
import { layerReporter } from '../transfer/progress.js';
import type { LoadedImage, LoadRequest } from './load-layout.js';
import type { SpooledArchive } from './spool.js';

/** One image in `manifest.json` of `docker save`. */
export interface DockerArchiveImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** The images of a `docker save` archive; null when it has no `manifest.json`. @throws WarrenError corrupt */
export function dockerArchiveImages(archive: SpooledArchive): readonly DockerArchiveImage[] | null {
  const found = archive.find('manifest.json');
  if (found === null) return null;
  if (found.size > maximumDocumentBytes) throw invalid('manifest.json is too large');
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(found.file, 'utf8'));
  } catch (cause) {
    throw invalid('manifest.json is no JSON', cause);
  }
  if (!Array.isArray(parsed)) throw invalid('manifest.json is no list');
  return parsed.map((entry: unknown) => {
    const image = (entry ?? {}) as Partial<Record<keyof DockerArchiveImage, unknown>>;
    const { Config, RepoTags, Layers } = image;
    if (typeof Config !== 'string' || !isTexts(Layers) || !isTexts(RepoTags ?? [])) {
      throw invalid('manifest.json has an image without Config or Layers');
    }
    return { Config, Layers, RepoTags: (RepoTags ?? []) as readonly string[] };
  });
}

/** Loads one image; its id stays the digest of its config. @throws WarrenError corrupt */
export async function loadDockerImage(
  parts: StoreParts,
  archive: SpooledArchive,
  request: LoadRequest & { readonly image: DockerArchiveImage; readonly temporary: string },
): Promise<LoadedImage> {
  const { image } = request;
  const what = `load ${image.RepoTags[0] ?? image.Config}`;
  const configFile = archive.require(image.Config);
  if (configFile.size > maximumDocumentBytes) throw invalid('the config is too large');
  const content = readFileSync(configFile.file);
  const { rootfs } = parseImageConfig(content);
  if (rootfs.diff_ids.length !== image.Layers.length) throw invalid('layers and config differ');
  return await parts.withLease(what, async (lease) => {
    const chain = chainIds(rootfs.diff_ids);
    await lease.hold([configFile.digest, ...chain]);
    const layers: NewLayer[] = [];
    for (const [index, name] of image.Layers.entries()) {
      const diffId = rootfs.diff_ids[index] ?? '';
      const source = archive.require(name).file;
      const target = join(request.temporary, `layer-${index}-${configFile.digest.slice(7, 19)}`);
      const layer = await packed(source, target, { diffId, signal: request.signal });
      const report = layerReporter(request.onProgress, layer.blob);
      report('unpacking');
      await lease.hold([layer.blob.digest]);
      const unpacked = parts.layers.has(chain[index] ?? '')
        ? {}
        : {
            unpacked: await parts.layers.prepare(
              { chainId: chain[index] ?? '', diffId, file: target },
              request.temporary,
              request.signal,
            ),
          };
      layers.push({ ...layer, ...unpacked });
      report('complete', layer.blob.size);
    }
    const manifest: OciManifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: configFile.digest, size: content.length },
      layers: layers.map(({ blob }) => blob),
    };
    const descriptor = await addGivenImage(parts, {
      manifest: { mediaType: mediaTypes.manifest, content: Buffer.from(JSON.stringify(manifest)) },
      config: { digest: digestOf(content), content },
      layers,
      references: image.RepoTags,
    });
    const references = image.RepoTags.map(parseTag);
    return { manifest: descriptor.digest, imageId: configFile.digest, references };
  });
}

/** The layer compressed, whatever it was: what is pushed and stored is small. */
async function packed(
  source: string,
  target: string,
  { diffId, signal }: { readonly diffId: string; readonly signal: AbortSignal | undefined },
): Promise<NewLayer> {
  const written = await writeLayer(decompressed(source), target, signal);
  if (written.diffId !== diffId) {
    throw new WarrenError(
      'corrupt',
      'DIGEST_MISMATCH',
      `Cannot load the archive: a layer that should have diff id ${diffId} has ${written.diffId}`,
    );
  }
  const { size } = statSync(target);
  return { blob: { mediaType: mediaTypes.layerGzip, digest: written.digest, size }, file: target };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function invalid(why: string, cause?: unknown): WarrenError {
  return new WarrenError('corrupt', 'INVALID_ARCHIVE', `Cannot load the archive: ${why}`, {
    hint: 'Archives of docker save, of warren save and of OCI layouts are read',
    ...(cause === undefined ? {} : { cause }),
  });
}

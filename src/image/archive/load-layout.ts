import type { OnProgress } from '../../model/events.js';
import { WarrenError } from '../../base/errors.js';
import { addGivenImage } from '../add-image.js';
import { ingestBlob } from '../content/ingest.js';
import { parseImageConfig, parseIndex, parseManifestOrIndex } from '../documents.js';
import { annotations, chainIds, type OciDescriptor, type OciPlatform } from '../oci.js';
import { hostPlatform, selectPlatform } from '../platform.js';
import { parseTag } from '../reference.js';
import type { StoreParts } from '../store/store-parts.js';
import { layerReporter } from '../transfer/progress.js';
import { unpackOnce } from '../unpack-missing.js';
import { openFile, type LayoutSource } from './layout-source.js';

export interface LoadRequest {
  readonly platform?: OciPlatform | undefined;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

/** An image that came in. */
export interface LoadedImage {
  /** Of its manifest. */
  readonly manifest: string;
  readonly imageId: string;
  readonly references: readonly string[];
}

/** What containerd and Docker call an image in the index of an archive: the name in full. */
const fullNameAnnotation = 'io.containerd.image.name';

/** Names that an entry of a layout's index says, as they are; a bare tag is none. */
export function namesOfEntry(entry: OciDescriptor): readonly string[] {
  const full = entry.annotations?.[fullNameAnnotation];
  const name = entry.annotations?.[annotations.refName];
  if (full !== undefined) return [full];
  return name !== undefined && /[:/]/.test(name) ? [name] : [];
}

/**
 * Loads images of an OCI layout: all of its index, or the one with this `org.opencontainers.image.ref.name`.
 * @throws WarrenError corrupt, notFound (NOT_IN_LAYOUT, PLATFORM_NOT_FOUND), unsupported
 */
export async function loadLayout(
  parts: StoreParts,
  source: LayoutSource,
  request: LoadRequest & {
    readonly only?: string | undefined;
    readonly names: (entry: OciDescriptor, imageId: string) => readonly string[];
  },
): Promise<readonly LoadedImage[]> {
  const index = source.document('index.json');
  if (index === null || source.document('oci-layout') === null) {
    throw new WarrenError(
      'corrupt',
      'INVALID_ARCHIVE',
      'Cannot load the image: this is no OCI layout',
    );
  }
  const { only } = request;
  const entries = parseIndex(index).manifests.filter(
    (entry) =>
      only === undefined ||
      entry.annotations?.[annotations.refName] === only ||
      namesOfEntry(entry).includes(only),
  );
  if (entries.length === 0) {
    throw new WarrenError(
      'notFound',
      'NOT_IN_LAYOUT',
      `Cannot load the image: the layout has ${only === undefined ? 'no images' : `none called ${only}`}`,
    );
  }
  const loaded: LoadedImage[] = [];
  for (const entry of entries) loaded.push(await loadEntry(parts, source, { ...request, entry }));
  return loaded;
}

type EntryRequest = LoadRequest & {
  readonly entry: OciDescriptor;
  readonly names: (entry: OciDescriptor, imageId: string) => readonly string[];
};

async function loadEntry(
  parts: StoreParts,
  source: LayoutSource,
  request: EntryRequest,
): Promise<LoadedImage> {
  const { entry, signal } = request;
  let { digest, mediaType } = entry;
  let content = source.blob(digest);
  let parsed = parseManifestOrIndex(content, mediaType);
  for (let depth = 0; 'index' in parsed && depth < 2; depth += 1) {
    const wanted = request.platform ?? hostPlatform();
    ({ digest, mediaType } = selectPlatform(parsed.index.manifests, wanted, 'the archive'));
    content = source.blob(digest);
    parsed = parseManifestOrIndex(content, mediaType);
  }
  if ('index' in parsed) {
    throw new WarrenError(
      'unsupported',
      'MANIFEST_TYPE',
      'Cannot load the image: too many indexes',
    );
  }
  const { manifest } = parsed;
  const what = `load ${namesOfEntry(entry)[0] ?? digest}`;
  return await parts.withLease(what, async (lease) => {
    const { config, layers } = manifest;
    const configContent = source.blob(config.digest);
    const { rootfs } = parseImageConfig(configContent);
    const chain = chainIds(rootfs.diff_ids);
    if (chain.length !== layers.length) {
      throw new WarrenError(
        'corrupt',
        'INVALID_IMAGE_CONFIG',
        `Cannot ${what}: layers and config differ`,
      );
    }
    await lease.hold([config.digest, ...layers.map((blob) => blob.digest), ...chain]);
    for (const [index, blob] of layers.entries()) {
      const report = layerReporter(request.onProgress, blob);
      const got = await ingestBlob(parts, blob, {
        what,
        isPassing: () => false,
        openBlob: openFile(source.blobFile(blob.digest)),
        onBytes: (done) => report('downloading', done),
        ...(signal === undefined ? {} : { signal }),
      });
      report('unpacking');
      const layer = { blob, diffId: rootfs.diff_ids[index] ?? '', chainId: chain[index] ?? '' };
      await unpackOnce(parts, layer, signal);
      report(got === 'exists' ? 'exists' : 'complete', blob.size);
    }
    const references = [...new Set(request.names(entry, config.digest).map(parseTag))];
    await addGivenImage(parts, {
      manifest: { mediaType: manifest.mediaType ?? mediaType, content },
      config: { digest: config.digest, content: configContent },
      layers: layers.map((blob) => ({ blob })),
      references,
    });
    return { manifest: digest, imageId: config.digest, references };
  });
}

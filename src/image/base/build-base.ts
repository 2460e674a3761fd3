import { join } from 'node:path';
import type { OnProgress } from '../../model/events.js';
import type { Host } from '../../host/port.js';
import { openSource } from './base-sources.js';
import type { ImageLayout } from '../store/layout.js';
import type { UnpackedLayers } from '../store/layers.js';
import {
  chainIds,
  mediaTypes,
  ociArchitecture,
  type OciDescriptor,
  type OciImageConfig,
  type OciManifest,
} from '../oci.js';
import type { Recipe } from './recipe.js';
import { writeLayer } from '../layer/write-layer.js';

export interface BuildContext {
  readonly host: Pick<Host, 'run'>;
  readonly layout: ImageLayout;
  readonly layers: UnpackedLayers;
  /** An empty directory of ours on the data root's file system. */
  readonly temporary: string;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal;
  /**
   * Runs `write` while nobody frees what is not referenced yet, then makes the manifest that it
   * returns the image of that name.
   */
  readonly commit: (write: () => OciDescriptor) => Promise<void>;
}

/** Equal content shall have an equal id: the time of building is kept beside the image, not in it. */
const epoch = '1970-01-01T00:00:00Z';

/** Makes the image of a recipe: one layer, config, manifest, all in the store. */
export async function buildBase(recipe: Recipe, context: BuildContext): Promise<void> {
  const { layout, layers, temporary, onProgress, signal } = context;
  onProgress({ kind: 'step', name: 'build', detail: recipe.name });
  const source = await openSource(recipe, context);
  const blob = join(temporary, 'layer.tar.gz');
  const layer = await writeLayer(source.tar, blob, signal);
  const config: OciImageConfig = {
    created: epoch,
    architecture: ociArchitecture(),
    os: 'linux',
    config: { ...recipe.config, Labels: { ...recipe.config.Labels, ...source.labels } },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ created: epoch, created_by: `warren image build-base ${recipe.name}` }],
  };
  const [chainId = layer.diffId] = chainIds([layer.diffId]);
  onProgress({ kind: 'step', name: 'unpack', detail: recipe.name });
  const prepared = await layers.prepare(
    { chainId, diffId: layer.diffId, file: blob },
    temporary,
    signal,
  );
  await context.commit(() => {
    layout.adoptBlob(blob, layer.digest);
    layers.adopt(prepared);
    const manifest: OciManifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: layout.writeDocument(mediaTypes.config, config),
      layers: [{ mediaType: mediaTypes.layerGzip, digest: layer.digest, size: layer.size }],
    };
    return layout.writeDocument(mediaTypes.manifest, manifest);
  });
}

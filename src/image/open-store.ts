import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isWarrenError } from '../base/errors.js';
import { makeTemporaryDirectory, removeAbandoned } from '../host/temporary-directory.js';
import { lockAcrossProcesses } from '../host/process-lock.js';
import { removeTree } from '../host/tree/remove-tree.js';
import type { Host } from '../host/port.js';
import type { Image } from '../model/image.js';
import { isLocal } from './base-sources.js';
import { buildBase } from './build-base.js';
import { ImageCatalog, type KnownImage } from './catalog.js';
import { ImageLayout } from './layout.js';
import { UnpackedLayers } from './layers.js';
import { builtInNames, readRecipe } from './recipe.js';
import { parseReference } from './reference.js';
import { planRemoval } from './removal.js';
import type { BuildBaseOptions, ImageStore } from './store.js';

export interface ImageStoreOptions {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
}

type RemoveRequest = Parameters<ImageStore['remove']>[1];
type RemoveResult = Awaited<ReturnType<ImageStore['remove']>>;

const temporaryPrefix = 'image';

/** Opens the store below a data root, and clears away what a crashed process left unfinished. */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const store = new OciImageStore(options);
  await store.initialize();
  return store;
}

/**
 * The OCI image layout in `<data root>/images` and the unpacked layers in `<data root>/layers`. Long work
 * happens in a temporary directory; one lock covers the moment in which its result gets its place and the
 * index is replaced, and the freeing of what nothing references.
 */
class OciImageStore implements ImageStore {
  private readonly dataRoot: string;
  private readonly directory: string;
  private readonly host: Pick<Host, 'run'>;
  private readonly layout: ImageLayout;
  private readonly layers: UnpackedLayers;
  private readonly catalog: ImageCatalog;

  constructor({ dataRoot, host }: ImageStoreOptions) {
    this.dataRoot = dataRoot;
    this.directory = join(dataRoot, 'images');
    this.host = host;
    this.layout = new ImageLayout(this.directory);
    this.layers = new UnpackedLayers(dataRoot, host);
    this.catalog = new ImageCatalog(this.layout, this.layers);
  }

  async initialize(): Promise<void> {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    this.layout.initialize();
    this.layers.initialize();
    await removeAbandoned(join(this.dataRoot, 'tmp'), temporaryPrefix);
  }

  async get(reference: string): Promise<Image> {
    const known = this.catalog.find(reference);
    await this.unpackMissing(known);
    return this.catalog.describe(known);
  }

  async ensure(reference: string, options: BuildBaseOptions = {}): Promise<Image> {
    try {
      return await this.get(reference);
    } catch (error) {
      if (!isWarrenError(error, 'notFound', 'IMAGE_NOT_FOUND')) throw error;
      const name = builtInNameOf(reference);
      if (name === null || !(await isLocal(readRecipe(name).source, this.host))) throw error;
      return this.build(name, { ...options, unlessPresent: true });
    }
  }

  async list(): Promise<readonly Image[]> {
    return this.catalog.list().map((known) => this.catalog.describe(known));
  }

  async buildBase(name: string, options: BuildBaseOptions = {}): Promise<Image> {
    return this.build(name, { ...options, unlessPresent: false });
  }

  async remove(reference: string, request: RemoveRequest): Promise<RemoveResult> {
    await using _lock = await this.lockIndex();
    const plan = planRemoval(this.catalog, reference, request);
    this.layout.writeIndex(plan.manifests);
    if (plan.deleted.length > 0) await this.free();
    return { untagged: plan.untagged, deleted: plan.deleted };
  }

  async collect(inUse: readonly string[]): Promise<{ readonly reclaimedBytes: number }> {
    await using _lock = await this.lockIndex();
    this.layout.writeIndex(this.catalog.manifestsWithoutDangling(new Set(inUse)));
    return { reclaimedBytes: await this.free() };
  }

  private async build(
    name: string,
    options: BuildBaseOptions & { readonly unlessPresent: boolean },
  ): Promise<Image> {
    const { signal, onProgress = () => undefined } = options;
    const recipe = readRecipe(name, options.recipe);
    const reference = `${recipe.name}:latest`;
    const askedAtMs = Date.now();
    await using _lock = await lockAcrossProcesses(this.directory, `build:${recipe.name}`, {
      ...(signal === undefined ? {} : { signal }),
      onWait: () => onProgress({ kind: 'step', name: 'wait', detail: `another build of ${name}` }),
    });
    // Whoever we waited for did our work, too.
    const built = this.catalog.builtAtMs(reference);
    if (built === null || (built < askedAtMs && !options.unlessPresent)) {
      await this.withTemporary((temporary) =>
        buildBase(recipe, {
          host: this.host,
          layout: this.layout,
          layers: this.layers,
          temporary,
          onProgress,
          ...(signal === undefined ? {} : { signal }),
          commit: async (write) => {
            await using _index = await this.lockIndex();
            this.layout.writeIndex(this.catalog.manifestsWith(reference, write()));
          },
        }),
      );
    }
    return await this.get(reference);
  }

  /** Layers that are gone although their blobs are there are unpacked again. */
  private async unpackMissing(known: KnownImage): Promise<void> {
    const missing = known.chainIds.flatMap((chainId, index) => {
      const blob = known.layers[index];
      const diffId = known.diffIds[index];
      if (this.layers.has(chainId) || blob === undefined || diffId === undefined) return [];
      return [{ chainId, diffId, file: this.layout.blobPath(blob.digest) }];
    });
    if (missing.length === 0) return;
    await this.withTemporary(async (temporary) => {
      for (const source of missing) {
        const prepared = await this.layers.prepare(source, temporary);
        await using _lock = await this.lockIndex();
        this.layers.adopt(prepared);
      }
    });
  }

  /** Frees what the index does not lead to. Needs the lock. */
  private async free(): Promise<number> {
    const { blobs, chainIds } = this.catalog.referenced();
    let bytes = this.layout.removeBlobsExcept(blobs);
    for (const chainId of this.layers.list()) {
      if (!chainIds.has(chainId)) bytes += await this.layers.remove(chainId);
    }
    return bytes;
  }

  private lockIndex(): ReturnType<typeof lockAcrossProcesses> {
    return lockAcrossProcesses(this.directory, 'index');
  }

  private async withTemporary(work: (directory: string) => Promise<void>): Promise<void> {
    const directory = makeTemporaryDirectory(join(this.dataRoot, 'tmp'), temporaryPrefix);
    try {
      await work(directory);
    } finally {
      await removeTree(directory);
    }
  }
}

function builtInNameOf(reference: string): string | null {
  const parsed = parseReference(reference);
  if (parsed.kind !== 'name' || !parsed.familiar.endsWith(':latest')) return null;
  const name = parsed.familiar.slice(0, -':latest'.length);
  return builtInNames().includes(name) ? name : null;
}

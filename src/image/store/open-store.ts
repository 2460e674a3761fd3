import { isWarrenError } from '../../base/errors.js';
import { lockAcrossProcesses } from '../../host/process-lock.js';
import type { Image, ImageStep } from '../../model/image.js';
import { addImage, type NewImage } from '../add-image.js';
import { isLocal } from '../base/base-sources.js';
import { buildBase } from '../base/build-base.js';
import { historyOf } from '../history.js';
import { builtInNames, readRecipe } from '../base/recipe.js';
import { parseReference, parseTag } from '../reference.js';
import { planCollection, planRemoval } from './removal.js';
import { type ImageStoreOptions, type StoreLease, StoreParts } from './store-parts.js';
import type { BuildBaseOptions, CollectOptions, ImageDocuments, ImageStore } from './store.js';
import { unpackMissing } from '../unpack-missing.js';

type RemoveRequest = Parameters<ImageStore['remove']>[1];
type RemoveResult = Awaited<ReturnType<ImageStore['remove']>>;
type CollectResult = Awaited<ReturnType<ImageStore['collect']>>;

/** Opens the store below a data root, and clears away what a crashed process left unfinished. */
export async function openImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  return new OciImageStore(await openStoreParts(options));
}

/** The parts of a store, for those who open more than one door to it. */
export async function openStoreParts(options: ImageStoreOptions): Promise<StoreParts> {
  const parts = new StoreParts(options);
  await parts.initialize();
  return parts;
}

export class OciImageStore implements ImageStore {
  private readonly parts: StoreParts;

  constructor(parts: StoreParts) {
    this.parts = parts;
  }

  async get(reference: string): Promise<Image> {
    const { catalog } = this.parts;
    const known = catalog.find(reference);
    await unpackMissing(this.parts, known);
    return catalog.describe(known);
  }

  async ensure(reference: string, options: BuildBaseOptions = {}): Promise<Image> {
    try {
      return await this.get(reference);
    } catch (error) {
      if (!isWarrenError(error, 'notFound', 'IMAGE_NOT_FOUND')) throw error;
      const name = builtInNameOf(reference);
      if (name === null || !(await isLocal(readRecipe(name).source, this.parts.host))) throw error;
      return this.build(name, { ...options, unlessPresent: true });
    }
  }

  async list(): Promise<readonly Image[]> {
    const images = this.parts.catalog
      .list()
      .filter((image) => !this.parts.catalog.isStep(image.id));
    return this.parts.catalog.describeAll(images, images);
  }

  async documents(reference: string): Promise<ImageDocuments> {
    const { document, source } = this.parts.catalog.find(reference);
    return { manifest: document, config: source };
  }

  async findAnnotated(name: string, value: string): Promise<Image | null> {
    const { catalog, layout } = this.parts;
    const entry = layout.index().manifests.find(({ annotations }) => annotations?.[name] === value);
    return entry === undefined ? null : await this.get(catalog.find(entry.digest).id);
  }

  async history(reference: string): Promise<readonly ImageStep[]> {
    const image = await this.get(reference);
    const { catalog, layers } = this.parts;
    const sizeOf = (chainId: string): number => layers.size(chainId);
    return historyOf(catalog.find(image.id), sizeOf, image.references);
  }

  async buildBase(name: string, options: BuildBaseOptions = {}): Promise<Image> {
    return this.build(name, { ...options, unlessPresent: false });
  }

  async add(image: NewImage): Promise<Image> {
    const manifest = await addImage(this.parts, image);
    return await this.get(manifest.digest);
  }

  async tag(reference: string, name: string): Promise<Image> {
    const familiar = parseTag(name);
    const { catalog, layout } = this.parts;
    await using _lock = await this.parts.lockIndex();
    const known = catalog.find(reference);
    layout.writeIndex(catalog.manifestsWith(familiar, known.manifest));
    return catalog.describe(known);
  }

  isBusy(): boolean {
    return this.parts.heldByWork().size > 0;
  }

  withLease<T>(subject: string, work: (lease: StoreLease) => Promise<T>): Promise<T> {
    return this.parts.withLease(subject, work);
  }

  withTemporary<T>(work: (directory: string) => Promise<T>): Promise<T> {
    return this.parts.withTemporary(work);
  }

  async remove(reference: string, request: RemoveRequest): Promise<RemoveResult> {
    const { result } = await this.parts.freeAfter(() => {
      const plan = planRemoval(this.parts.catalog, reference, request);
      this.parts.layout.writeIndex(plan.manifests);
      return plan;
    });
    return { untagged: result.untagged, deleted: result.deleted };
  }

  async collect(inUse: readonly string[], options: CollectOptions = {}): Promise<CollectResult> {
    const { catalog, layout } = this.parts;
    const collect = (): readonly string[] => {
      const kept = new Set([...inUse, ...this.parts.heldByWork()]);
      const plan = planCollection(catalog, kept, options);
      layout.writeIndex(plan.manifests);
      return plan.untagged;
    };
    const { result, bytes } = await this.parts.freeAfter(collect, { forgetFailed: true });
    return { reclaimedBytes: bytes, untagged: result };
  }

  private async build(
    name: string,
    options: BuildBaseOptions & { readonly unlessPresent: boolean },
  ): Promise<Image> {
    const { signal, onProgress = () => undefined } = options;
    const recipe = readRecipe(name, options.recipe);
    const reference = `${recipe.name}:latest`;
    const askedAtMs = Date.now();
    await using _lock = await lockAcrossProcesses(this.parts.directory, `build:${recipe.name}`, {
      ...(signal === undefined ? {} : { signal }),
      onWait: () => onProgress({ kind: 'step', name: 'wait', detail: `another build of ${name}` }),
    });
    // Whoever we waited for did our work, too.
    const built = this.parts.catalog.builtAtMs(reference);
    if (built === null || (built < askedAtMs && !options.unlessPresent)) {
      await this.parts.withTemporary((temporary) =>
        buildBase(recipe, {
          host: this.parts.host,
          layout: this.parts.layout,
          layers: this.parts.layers,
          temporary,
          onProgress,
          ...(signal === undefined ? {} : { signal }),
          commit: async (write) => {
            await using _index = await this.parts.lockIndex();
            this.parts.layout.writeIndex(this.parts.catalog.manifestsWith(reference, write()));
          },
        }),
      );
    }
    return await this.get(reference);
  }
}

function builtInNameOf(reference: string): string | null {
  const parsed = parseReference(reference);
  if (parsed.kind !== 'name' || !parsed.familiar.endsWith(':latest')) return null;
  const name = parsed.familiar.slice(0, -':latest'.length);
  return builtInNames().includes(name) ? name : null;
}

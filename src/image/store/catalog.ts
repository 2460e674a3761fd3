import { WarrenError } from '../../base/errors.js';
import type { Image, ImageConfig } from '../../model/image.js';
import { parseImageConfig, parseManifest } from '../documents.js';
import { toImageConfig } from '../image-config.js';
import type { ImageLayout } from './layout.js';
import type { UnpackedLayers } from './layers.js';
import {
  annotations,
  chainIds,
  type OciDescriptor,
  type OciImageConfig,
  type OciManifest,
} from '../oci.js';
import { builtInNames } from '../base/recipe.js';
import { parseReference } from '../reference.js';

/** What the documents of one image say: it never changes under one digest. */
export interface KnownImage {
  /** Digest of the config. */
  readonly id: string;
  readonly manifest: OciDescriptor;
  readonly layers: readonly OciDescriptor[];
  readonly chainIds: readonly string[];
  readonly document: OciManifest;
  /** As it is in the store, with everything that Warren does not know. */
  readonly source: OciImageConfig;
  readonly config: ImageConfig;
}

/** The images that the layout's index lists, by reference and by id. Reads only. */
export class ImageCatalog {
  private readonly layout: ImageLayout;
  private readonly layers: UnpackedLayers;
  private readonly known = new Map<string, KnownImage>();

  constructor(layout: ImageLayout, layers: UnpackedLayers) {
    this.layout = layout;
    this.layers = layers;
  }

  /** By any of the forms of a reference. Throws notFound (IMAGE_NOT_FOUND), conflict (AMBIGUOUS_ID). */
  find(reference: string): KnownImage {
    const parsed = parseReference(reference);
    const { manifests } = this.layout.index();
    if (parsed.kind === 'name') {
      const named = manifests.find((entry) => referenceOf(entry) === parsed.familiar);
      if (named !== undefined) return this.load(named);
    }
    const fitting =
      parsed.kind === 'digest'
        ? this.withDigest(parsed.digest, parsed.name)
        : this.withIdPrefix(parsed.idPrefix);
    const [found, ...others] = fitting;
    if (found === undefined) throw notFound(reference);
    if (others.length > 0) {
      throw new WarrenError(
        'conflict',
        'AMBIGUOUS_ID',
        `Cannot choose an image: ${reference} is the start of ${fitting.length} ids`,
      );
    }
    return found;
  }

  /** Each image once. */
  list(): readonly KnownImage[] {
    const images = new Map<string, KnownImage>();
    for (const entry of this.layout.index().manifests) {
      const image = this.load(entry);
      images.set(image.id, image);
    }
    return [...images.values()];
  }

  describe(known: KnownImage): Image {
    return this.describeAll([known], this.list())[0] as Image;
  }

  /** `among`: those whose layers count as shared. */
  describeAll(images: readonly KnownImage[], among: readonly KnownImage[]): readonly Image[] {
    const users = new Map<string, number>();
    for (const chainId of among.flatMap((image) => [...new Set(image.chainIds)])) {
      users.set(chainId, (users.get(chainId) ?? 0) + 1);
    }
    return images.map((known) => this.describeOne(known, users));
  }

  private describeOne(known: KnownImage, users: ReadonlyMap<string, number>): Image {
    const entries = this.entriesOf(known.id);
    const { source } = known;
    const sizeOf = (ids: readonly string[]): number =>
      ids.reduce((sum, chainId) => sum + this.layers.size(chainId), 0);
    return {
      id: known.id,
      references: entries.flatMap((entry) => referenceOf(entry) ?? []).sort(),
      repoDigests: [...new Set(entries.flatMap(repoDigestsOf))].sort(),
      createdAtMs: createdAtMs(source, entries),
      architecture: source.architecture,
      os: source.os,
      variant: source.variant ?? '',
      author: source.author ?? '',
      comment: source.history?.at(-1)?.comment ?? '',
      sizeBytes: sizeOf(known.chainIds),
      sharedBytes: sizeOf(known.chainIds.filter((chainId) => (users.get(chainId) ?? 0) > 1)),
      config: known.config,
      diffIds: source.rootfs.diff_ids,
      layers: known.chainIds.map((chainId) => this.layers.relativePath(chainId)).reverse(),
    };
  }

  /** When the image of this familiar reference was put into the store; null when there is none. */
  builtAtMs(familiar: string): number | null {
    const entry = this.layout.index().manifests.find((each) => referenceOf(each) === familiar);
    if (entry === undefined) return null;
    return Date.parse(entry.annotations?.[annotations.created] ?? '') || 0;
  }

  /** An image that came into the store under this reference at that time or later; null when there is none. */
  pulledSince(
    reference: string,
    sinceMs: number,
  ): { readonly image: KnownImage; readonly repoDigests: readonly string[] } | null {
    const entry = this.layout.index().manifests.find((each) => {
      const called = referenceOf(each) === reference || repoDigestsOf(each).includes(reference);
      return called && Date.parse(each.annotations?.[annotations.created] ?? '') >= sinceMs;
    });
    return entry === undefined
      ? null
      : { image: this.load(entry), repoDigests: repoDigestsOf(entry) };
  }

  /** Index entries of an image. */
  entriesOf(id: string): readonly OciDescriptor[] {
    return this.layout.index().manifests.filter((entry) => this.load(entry).id === id);
  }

  /** What one step of a build made, and nobody gave a name: the build cache. */
  isStep(id: string): boolean {
    const entries = this.entriesOf(id);
    return entries.every(
      (entry) =>
        referenceOf(entry) === null && entry.annotations?.[annotations.buildStep] !== undefined,
    );
  }

  /** The index with this manifest under this name; an image that loses its only name stays, unnamed. */
  manifestsWith(
    familiar: string,
    manifest: OciDescriptor,
    options: {
      /** @default the index as it is */
      readonly manifests?: readonly OciDescriptor[];
      /** More annotations. */
      readonly extra?: Readonly<Record<string, string>>;
    } = {},
  ): readonly OciDescriptor[] {
    const { manifests = this.layout.index().manifests, extra = {} } = options;
    const rest = manifests.filter((entry) => referenceOf(entry) !== familiar);
    const replaced = manifests.filter(
      (entry) =>
        referenceOf(entry) === familiar &&
        entry.digest !== manifest.digest &&
        !rest.some(({ digest }) => digest === entry.digest),
    );
    // What registries call it does not change with one more name.
    const known = manifests
      .filter(({ digest }) => digest === manifest.digest)
      .flatMap((entry) => [...repoDigestsOf(entry), ...repoDigestsOf({ annotations: extra })]);
    const named: OciDescriptor = {
      ...bare(manifest),
      annotations: {
        ...extra,
        ...(known.length === 0 ? {} : { [annotations.repoDigests]: [...new Set(known)].join(',') }),
        ...stepOf(manifests, manifest.digest),
        [annotations.refName]: familiar,
        [annotations.created]: new Date().toISOString(),
      },
    };
    const others = rest.filter(
      (entry) => referenceOf(entry) !== null || entry.digest !== manifest.digest,
    );
    return [...others, ...replaced.map(withoutReference), named];
  }

  /** The index with this manifest in it, without a name unless it has one. */
  manifestsWithUnnamed(
    manifest: OciDescriptor,
    extra: Readonly<Record<string, string>>,
  ): readonly OciDescriptor[] {
    const { manifests } = this.layout.index();
    const created = { [annotations.created]: new Date().toISOString() };
    const same = manifests.filter(({ digest }) => digest === manifest.digest);
    if (same.length === 0) {
      return [...manifests, { ...bare(manifest), annotations: { ...extra, ...created } }];
    }
    return manifests.map((entry) => {
      if (entry.digest !== manifest.digest) return entry;
      const known = [...repoDigestsOf(entry), ...repoDigestsOf({ annotations: extra })];
      const digests =
        known.length === 0 ? {} : { [annotations.repoDigests]: [...new Set(known)].join(',') };
      return { ...entry, annotations: { ...entry.annotations, ...extra, ...digests } };
    });
  }

  /** Everything that the index leads to. */
  referenced(): { readonly blobs: ReadonlySet<string>; readonly chainIds: ReadonlySet<string> } {
    // By entry: two manifests may have one config, and layers compressed in two ways.
    const entries = this.layout.index().manifests.map((entry) => ({
      digest: entry.digest,
      image: this.load(entry),
    }));
    return {
      blobs: new Set(
        entries.flatMap(({ digest, image: { id, layers } }) => [
          digest,
          id,
          ...layers.map((layer) => layer.digest),
        ]),
      ),
      chainIds: new Set(entries.flatMap(({ image }) => image.chainIds)),
    };
  }

  private withDigest(digest: string, name: string | null): readonly KnownImage[] {
    const isCalled = (entry: OciDescriptor): boolean =>
      repoDigestsOf(entry).some((repoDigest) =>
        name === null ? repoDigest.endsWith(`@${digest}`) : repoDigest === `${name}@${digest}`,
      );
    const images = this.layout
      .index()
      .manifests.filter((entry) => entry.digest === digest || isCalled(entry))
      .map((entry) => this.load(entry));
    const own = this.list().filter(({ id }) => name === null && id === digest);
    return [...new Map([...images, ...own].map((image) => [image.id, image])).values()];
  }

  private withIdPrefix(prefix: string | null): readonly KnownImage[] {
    if (prefix === null) return [];
    return this.list().filter(({ id }) => id.startsWith(`sha256:${prefix}`));
  }

  private load(entry: OciDescriptor): KnownImage {
    const cached = this.known.get(entry.digest);
    if (cached !== undefined) return cached;
    const document = parseManifest(this.layout.readBlob(entry.digest));
    const source = parseImageConfig(this.layout.readBlob(document.config.digest));
    const image: KnownImage = {
      id: document.config.digest,
      manifest: entry,
      layers: document.layers,
      chainIds: chainIds(source.rootfs.diff_ids),
      document,
      source,
      config: toImageConfig(source.config),
    };
    this.known.set(entry.digest, image);
    return image;
  }
}

/** Familiar `name:tag` of an index entry; null when it has none. */
export function referenceOf(entry: OciDescriptor): string | null {
  return entry.annotations?.[annotations.refName] ?? null;
}

/** What registries call the image of an index entry: `name@sha256:…`. */
export function repoDigestsOf({ annotations: map }: Pick<OciDescriptor, 'annotations'>): string[] {
  return (map?.[annotations.repoDigests] ?? '').split(',').filter((digest) => digest !== '');
}

function bare({ mediaType, digest, size }: OciDescriptor): OciDescriptor {
  return { mediaType, digest, size };
}

/** The config's word; when the image came into the store, for those that say nothing or are reproducible (the epoch). */
function createdAtMs({ created }: OciImageConfig, entries: readonly OciDescriptor[]): number {
  const own = Date.parse(created ?? '');
  if (Number.isFinite(own) && own > 0) return own;
  const times = entries.map((entry) => Date.parse(entry.annotations?.[annotations.created] ?? ''));
  return Math.min(...times.filter(Number.isFinite), Date.now());
}

export function withoutReference(entry: OciDescriptor): OciDescriptor {
  const { [annotations.refName]: _name, ...rest } = entry.annotations ?? {};
  return { ...entry, annotations: rest };
}

function notFound(reference: string): WarrenError {
  const name = reference.replace(/:latest$/, '');
  return new WarrenError('notFound', 'IMAGE_NOT_FOUND', `No such image: ${reference}`, {
    hint: builtInNames().includes(name)
      ? `Build it with: warren image build-base ${name}`
      : `Built-in images: ${builtInNames().join(', ')}`,
  });
}

/** A name does not take an image out of the build cache. */
function stepOf(
  manifests: readonly OciDescriptor[],
  digest: string,
): Readonly<Record<string, string>> {
  const keys = manifests.flatMap((entry) =>
    entry.digest === digest ? (entry.annotations?.[annotations.buildStep] ?? []) : [],
  );
  return keys[0] === undefined ? {} : { [annotations.buildStep]: keys[0] };
}

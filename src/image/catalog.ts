import { WarrenError } from '../base/errors.js';
import type { Image, ImageConfig } from '../model/image.js';
import { toImageConfig } from './image-config.js';
import type { ImageLayout } from './layout.js';
import type { UnpackedLayers } from './layers.js';
import {
  annotations,
  chainIds,
  type OciDescriptor,
  type OciImageConfig,
  type OciManifest,
} from './oci.js';
import { builtInNames } from './recipe.js';
import { parseReference } from './reference.js';

/** What the documents of one image say: it never changes under one digest. */
export interface KnownImage {
  /** Digest of the config. */
  readonly id: string;
  readonly manifest: OciDescriptor;
  readonly layers: readonly OciDescriptor[];
  readonly diffIds: readonly string[];
  readonly chainIds: readonly string[];
  readonly architecture: string;
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
    const prefix = parsed.kind === 'digest' ? parsed.digest : `sha256:${parsed.idPrefix ?? '-'}`;
    const fitting = this.list().filter(
      ({ id, manifest }) =>
        id.startsWith(prefix) || (parsed.kind === 'digest' && manifest.digest === prefix),
    );
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
    const entries = this.entriesOf(known.id);
    const created = entries.map((entry) =>
      Date.parse(entry.annotations?.[annotations.created] ?? ''),
    );
    return {
      id: known.id,
      references: entries.flatMap((entry) => referenceOf(entry) ?? []).sort(),
      createdAtMs: Math.min(...created.filter(Number.isFinite), Date.now()),
      architecture: known.architecture,
      sizeBytes: known.chainIds.reduce((sum, chainId) => sum + this.layers.size(chainId), 0),
      config: known.config,
      diffIds: known.diffIds,
      layers: known.chainIds.map((chainId) => this.layers.relativePath(chainId)).reverse(),
    };
  }

  /** When the image of this familiar reference was put into the store; null when there is none. */
  builtAtMs(familiar: string): number | null {
    const entry = this.layout.index().manifests.find((each) => referenceOf(each) === familiar);
    if (entry === undefined) return null;
    return Date.parse(entry.annotations?.[annotations.created] ?? '') || 0;
  }

  /** Index entries of an image. */
  entriesOf(id: string): readonly OciDescriptor[] {
    return this.layout.index().manifests.filter((entry) => this.load(entry).id === id);
  }

  /** The index with this manifest under this name; an image that loses its only name stays, unnamed. */
  manifestsWith(familiar: string, manifest: OciDescriptor): readonly OciDescriptor[] {
    const { manifests } = this.layout.index();
    const rest = manifests.filter((entry) => referenceOf(entry) !== familiar);
    const replaced = manifests.filter(
      (entry) =>
        referenceOf(entry) === familiar &&
        entry.digest !== manifest.digest &&
        !rest.some(({ digest }) => digest === entry.digest),
    );
    const named: OciDescriptor = {
      ...manifest,
      annotations: {
        [annotations.refName]: familiar,
        [annotations.created]: new Date().toISOString(),
      },
    };
    const others = rest.filter(
      (entry) => referenceOf(entry) !== null || entry.digest !== manifest.digest,
    );
    return [...others, ...replaced.map(withoutReference), named];
  }

  manifestsWithoutDangling(inUse: ReadonlySet<string>): readonly OciDescriptor[] {
    return this.layout
      .index()
      .manifests.filter((entry) => referenceOf(entry) !== null || inUse.has(this.load(entry).id));
  }

  /** Everything that the index leads to. */
  referenced(): { readonly blobs: ReadonlySet<string>; readonly chainIds: ReadonlySet<string> } {
    const images = this.list();
    const manifests = this.layout.index().manifests.map(({ digest }) => digest);
    return {
      blobs: new Set([
        ...manifests,
        ...images.flatMap(({ id, layers }) => [id, ...layers.map(({ digest }) => digest)]),
      ]),
      chainIds: new Set(images.flatMap((image) => image.chainIds)),
    };
  }

  private load(entry: OciDescriptor): KnownImage {
    const cached = this.known.get(entry.digest);
    if (cached !== undefined) return cached;
    const manifest = this.layout.readDocument<OciManifest>(entry.digest);
    const config = this.layout.readDocument<OciImageConfig>(manifest.config.digest);
    const image: KnownImage = {
      id: manifest.config.digest,
      manifest: entry,
      layers: manifest.layers,
      diffIds: config.rootfs.diff_ids,
      chainIds: chainIds(config.rootfs.diff_ids),
      architecture: config.architecture,
      config: toImageConfig(config.config),
    };
    this.known.set(entry.digest, image);
    return image;
  }
}

/** Familiar `name:tag` of an index entry; null when it has none. */
export function referenceOf(entry: OciDescriptor): string | null {
  return entry.annotations?.[annotations.refName] ?? null;
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

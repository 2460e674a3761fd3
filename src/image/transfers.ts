import { Readable } from 'node:stream';
import type { OnProgress } from '../model/events.js';
import { isWarrenError } from '../base/errors.js';
import { chosenImages, leasedArchive, loadFrom, saveTo } from './archive/elsewhere.js';
import { importRoot } from './archive/import-root.js';
import { loadArchive } from './archive/load.js';
import type { LoadedImage } from './archive/load-layout.js';
import { blobsOf, type ArchiveFormat } from './archive/save.js';
import { parseTransport } from './archive/transport.js';
import type { OciDescriptor, OciPlatform } from './oci.js';
import { hostPlatform, parsePlatform } from './platform.js';
import { defaultDomain, parseNamed, parseTag } from './reference.js';
import type { Credentials } from './registry/credentials.js';
import type { Registries } from './registry/registries.js';
import { closeRepositories, type LoginResult } from './registry/registries.js';
import type { StoreParts } from './store/store-parts.js';
import { pullImage, type PullResult } from './transfer/pull.js';
import { pushImage, type PushResult } from './transfer/push.js';

/** Of every call that moves images. */
export interface TransferOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface RegistryCallOptions extends TransferOptions {
  /** User and password for this call only. @default those that `login` kept */
  readonly credentials?: { readonly username: string; readonly password: string };
}

export interface PullOptions extends RegistryCallOptions {
  /** `linux/arm64`, for example. @default the host's */
  readonly platform?: string;
}

export interface LoadResult {
  readonly images: readonly LoadedImage[];
}

export interface SaveOptions extends TransferOptions {
  /** @default 'docker-archive' */
  readonly format?: ArchiveFormat;
}

export interface ImportOptions extends TransferOptions {
  /** Name of the image. @default none */
  readonly reference?: string;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

/** Images on their way between the store and the rest of the world. */
export class ImageTransfers {
  private readonly parts: StoreParts;
  private readonly registries: Registries;

  constructor(parts: StoreParts, registries: Registries) {
    this.parts = parts;
    this.registries = registries;
  }

  /** @throws WarrenError see {@link pullImage}, {@link loadArchive} */
  async pull(reference: string, options: PullOptions = {}): Promise<PullResult> {
    const source = parseTransport(reference);
    if (source.transport === 'docker') {
      return await pullImage(this.parts, this.registries, {
        reference: source.place,
        ...request(options),
        platform: platformOf(options.platform),
      });
    }
    const [image] = await loadFrom(this.parts, source, {
      ...request(options),
      platform: platformOf(options.platform),
    });
    if (image === undefined) throw new Error('What was loaded has an image');
    const called = image.references[0] ?? image.imageId;
    return {
      reference: called,
      digest: image.manifest,
      manifest: image.manifest,
      status: 'downloaded',
    };
  }

  /** @throws WarrenError see {@link pushImage} */
  async push(
    reference: string,
    options: RegistryCallOptions & { readonly destination?: string } = {},
  ): Promise<PushResult> {
    const target = parseTransport(options.destination ?? reference);
    if (target.transport === 'docker') {
      const name = target.place;
      if (options.destination !== undefined) await this.alias(reference, name);
      return await pushImage(this.parts, this.registries, { reference: name, ...request(options) });
    }
    const [saved] = chosenImages(this.parts.catalog, [reference]);
    if (saved === undefined) throw new Error('One reference chooses one image');
    await this.parts.withLease(`push ${reference}`, async (lease) => {
      await lease.hold([...blobsOf([saved]).keys()]);
      await saveTo(this.parts, saved, target);
    });
    const { manifest, id } = saved.image;
    return { reference, imageId: id, digest: manifest.digest, size: manifest.size };
  }

  /** @throws WarrenError see {@link loadArchive} */
  async load(archive: AsyncIterable<Buffer>, options: TransferOptions = {}): Promise<LoadResult> {
    return { images: await loadArchive(this.parts, archive, request(options)) };
  }

  /** @throws WarrenError notFound (IMAGE_NOT_FOUND) */
  async save(references: readonly string[], options: SaveOptions = {}): Promise<Readable> {
    const { parts } = this;
    const images = chosenImages(parts.catalog, references);
    const archive = leasedArchive(parts, images, options.format ?? 'docker-archive');
    return Readable.from(archive, { objectMode: false });
  }

  /** @throws WarrenError see {@link importRoot} */
  async import(
    archive: AsyncIterable<Buffer>,
    options: ImportOptions = {},
  ): Promise<OciDescriptor> {
    return await importRoot(this.parts, archive, {
      ...request(options),
      reference: options.reference,
      changes: options.changes ?? [],
      message: options.message ?? 'Imported from a file system archive',
      platform: platformOf(options.platform),
    });
  }

  /** Bytes of all layers, each once, and of those that images with these ids need. */
  layerBytes(used: ReadonlySet<string>): { readonly total: number; readonly needed: number } {
    const { catalog, layers } = this.parts;
    const sum = (chainIds: readonly string[]): number =>
      [...new Set(chainIds)].reduce((bytes, chainId) => bytes + layers.size(chainId), 0);
    const images = catalog.list();
    return {
      total: sum(images.flatMap((image) => image.chainIds)),
      needed: sum(images.filter(({ id }) => used.has(id)).flatMap((image) => image.chainIds)),
    };
  }

  /** Tags of a repository, as its registry lists them. */
  async remoteTags(name: string, options: RegistryCallOptions = {}): Promise<readonly string[]> {
    const named = parseNamed(name);
    const { credentials, signal } = request(options);
    const repositories = await this.registries.repositories(named, { mirrors: false, credentials });
    try {
      const [repository] = repositories;
      if (repository === undefined) throw new Error('A registry has an endpoint');
      const what = `list the tags of ${named.familiarName}`;
      return await repository.tags({ what, ...(signal === undefined ? {} : { signal }) });
    } finally {
      await closeRepositories(repositories);
    }
  }

  /** Keeps credentials that the registry takes. `server`: host, @default Docker's registry */
  async login(
    server: string | undefined,
    credentials: { readonly username: string; readonly password: string },
    signal?: AbortSignal,
  ): Promise<LoginResult> {
    const login: Credentials = { kind: 'password', ...credentials };
    return await this.registries.login(domainOf(server), login, signal);
  }

  /** False when there were no credentials. */
  async logout(server?: string): Promise<boolean> {
    return await this.registries.logout(domainOf(server));
  }

  private async alias(reference: string, name: string): Promise<void> {
    const { catalog, layout } = this.parts;
    await using _lock = await this.parts.lockIndex();
    layout.writeIndex(catalog.manifestsWith(parseTag(name), catalog.find(reference).manifest));
  }

  /** True when the store has the image for this platform. */
  isPresent(reference: string, platform: string | undefined): boolean {
    const wanted = platformOf(platform) ?? hostPlatform();
    try {
      const { source } = this.parts.catalog.find(reference);
      return platform === undefined || matches(source, wanted);
    } catch (error) {
      if (isWarrenError(error, 'notFound', 'IMAGE_NOT_FOUND')) return false;
      throw error;
    }
  }
}

function matches(has: OciPlatform, wanted: OciPlatform): boolean {
  return has.os === wanted.os && has.architecture === wanted.architecture;
}

function platformOf(text: string | undefined): OciPlatform | undefined {
  return text === undefined ? undefined : parsePlatform(text);
}

/** `https://index.docker.io/v1/`, `docker.io` and nothing: all of them Docker's registry. */
function domainOf(server: string | undefined): string {
  const host = (server ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const own = ['', 'index.docker.io', 'registry-1.docker.io', defaultDomain];
  return own.includes(host) ? defaultDomain : host;
}

function request(options: RegistryCallOptions): {
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
  readonly credentials: Credentials | undefined;
} {
  const { credentials, signal } = options;
  return {
    onProgress: options.onProgress ?? (() => undefined),
    signal,
    credentials: credentials === undefined ? undefined : { kind: 'password', ...credentials },
  };
}

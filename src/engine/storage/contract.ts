/** What the engine offers for images and registries. */
import type { Readable } from 'node:stream';
import type { BuildBaseOptions } from '../../image/store/store.js';
import type { PullResult } from '../../image/transfer/pull.js';
import type { PushResult } from '../../image/transfer/push.js';
import type {
  ImportOptions,
  LoadResult,
  PullOptions,
  RegistryCallOptions,
  SaveOptions,
  TransferOptions,
} from '../../image/transfers.js';
import type { Image, ImageStep } from '../../model/image.js';
import type { BuildOptions } from '../build/contract.js';
import type { PruneResult } from '../contract.js';

export interface ImagePruneOptions {
  /** Named images that no container uses, too. @default false */
  readonly all?: boolean;
  /** Docker's filters: until, label. Values of one key are alternatives. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

/** The images of the store. */
export interface StoredImages {
  /** Filters as Docker has them: reference, dangling, label, before, since. */
  list(options?: {
    readonly filters?: Readonly<Record<string, readonly string[]>>;
  }): Promise<readonly Image[]>;
  get(reference: string): Promise<Image>;
  /** Newest first. */
  history(reference: string): Promise<readonly ImageStep[]>;
  tag(reference: string, name: string): Promise<Image>;
  buildBase(name: string, options?: BuildBaseOptions): Promise<Image>;
  /** From a Dockerfile. */
  build(options: BuildOptions): Promise<Image>;
  remove(
    reference: string,
    options?: { readonly force?: boolean },
  ): Promise<{ readonly untagged: readonly string[]; readonly deleted: readonly string[] }>;
  prune(options?: ImagePruneOptions): Promise<PruneResult>;
  /** Removes the build cache, but for what a build that runs needs. */
  pruneBuilds(): Promise<PruneResult>;
  /** A new image of what a container has changed. */
  commit(container: string, options?: CommitOptions): Promise<Image>;
}

/** Images on their way in and out. References may name a transport: `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, `docker-daemon:NAME`. */
export interface MovedImages {
  pull(reference: string, options?: PullOptions): Promise<PullResult>;
  /** All tags that a registry has of a repository. */
  pullAll(name: string, options?: PullOptions): Promise<readonly PullResult[]>;
  /** To the registry that its name says, or to `destination` in any transport. */
  push(
    reference: string,
    options?: RegistryCallOptions & { readonly destination?: string },
  ): Promise<PushResult>;
  /** Reads an archive of `save`, of `docker save`, or of an OCI layout. */
  load(archive: AsyncIterable<Buffer>, options?: TransferOptions): Promise<LoadResult>;
  save(references: readonly string[], options?: SaveOptions): Promise<Readable>;
  /** An image with one layer: the root file system in this archive. */
  import(archive: AsyncIterable<Buffer>, options?: ImportOptions): Promise<Image>;
}

export interface EngineImages extends StoredImages, MovedImages {}

export interface CommitOptions extends TransferOptions {
  /** Name of the new image. @default none */
  readonly reference?: string;
  readonly author?: string;
  readonly message?: string;
  /** Dockerfile instructions: `CMD ["httpd"]`, `ENV A=b`. */
  readonly changes?: readonly string[];
  /** Freeze the container meanwhile. @default true */
  readonly pause?: boolean;
}

export interface EngineRegistries {
  /** Tries credentials and keeps them. `server`: @default Docker's registry. @throws WarrenError permissionDenied */
  login(
    server: string | undefined,
    credentials: { readonly username: string; readonly password: string },
    signal?: AbortSignal,
  ): Promise<{ readonly kept: string }>;
  /** False when there were none. */
  logout(server?: string): Promise<boolean>;
}

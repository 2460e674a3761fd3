/** The contract of the image store: an OCI image layout below `<data root>/images`, layers unpacked once by chain id. */
import type { OnProgress } from '../../model/events.js';
import type { Image, ImageStep } from '../../model/image.js';
import type { NewImage } from '../add-image.js';
import type { OciImageConfig, OciManifest } from '../oci.js';
import type { StoreLease } from './store-parts.js';

export interface BuildBaseOptions {
  /** A recipe folder; @default the built-in one of that name */
  readonly recipe?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The documents of an image as they are in the store. */
export interface ImageDocuments {
  readonly manifest: OciManifest;
  readonly config: OciImageConfig;
}

export interface CollectOptions {
  /** Only what steps of builds made and nobody named. @default false */
  readonly onlySteps?: boolean;
  /** Named images that no container uses, too. @default false */
  readonly all?: boolean;
  /** Only images that this accepts. @default every one */
  readonly only?: (image: Image) => boolean;
}

export interface ImageStore {
  /** Familiar name, `name:tag`, digest or id prefix. Throws notFound (IMAGE_NOT_FOUND), hint: how to build or pull it. */
  get(reference: string): Promise<Image>;
  /** As `get`; a built-in image that needs no network (`tiny`) is built when it is missing. */
  ensure(reference: string, options?: BuildBaseOptions): Promise<Image>;
  list(): Promise<readonly Image[]>;
  documents(reference: string): Promise<ImageDocuments>;
  /** The image whose entry in the index has this annotation, with all its content; null when there is none. */
  findAnnotated(name: string, value: string): Promise<Image | null>;
  /** Newest first. */
  history(reference: string): Promise<readonly ImageStep[]>;
  buildBase(name: string, options?: BuildBaseOptions): Promise<Image>;
  /**
   * Puts an image together of layers that are there or are given as files: at once, or not at all. Layers of other images
   * that it counts on should be under a lease from before they were looked at.
   */
  add(image: NewImage): Promise<Image>;
  /** Gives an image one more name; another image that had it loses it. */
  tag(reference: string, name: string): Promise<Image>;
  /** Whether some process is about to add to the store. */
  isBusy(): boolean;
  /** Runs `work` with a lease: what it holds by digest or chain id is not freed meanwhile. */
  withLease<T>(subject: string, work: (lease: StoreLease) => Promise<T>): Promise<T>;
  /** Runs `work` with an empty directory of ours on the data root's file system. */
  withTemporary<T>(work: (directory: string) => Promise<T>): Promise<T>;
  /** Untags; the last reference removes the image. `usedBy`: ids of containers. Returns what was untagged and deleted. */
  remove(
    reference: string,
    options: { readonly force: boolean; readonly usedBy: (imageId: string) => readonly string[] },
  ): Promise<{ readonly untagged: readonly string[]; readonly deleted: readonly string[] }>;
  /**
   * Frees images without a name, and blobs and layers that nothing references, but for what work in progress needs. `inUse`: ids of images
   * of containers.
   */
  collect(
    inUse: readonly string[],
    options?: CollectOptions,
  ): Promise<{ readonly reclaimedBytes: number; readonly untagged: readonly string[] }>;
}

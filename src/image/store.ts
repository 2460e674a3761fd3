/** The contract of the image store: an OCI image layout below `<data root>/images`, layers unpacked once by chain id. */
import type { OnProgress } from '../model/events.js';
import type { Image } from '../model/image.js';

export interface BuildBaseOptions {
  /** A recipe folder; @default the built-in one of that name */
  readonly recipe?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface ImageStore {
  /** Familiar name, `name:tag`, digest or id prefix. Throws notFound (IMAGE_NOT_FOUND), hint: how to build or pull it. */
  get(reference: string): Promise<Image>;
  /** As `get`; a built-in image that needs no network (`tiny`) is built when it is missing. */
  ensure(reference: string, options?: BuildBaseOptions): Promise<Image>;
  list(): Promise<readonly Image[]>;
  buildBase(name: string, options?: BuildBaseOptions): Promise<Image>;
  /** Untags; the last reference removes the image. `usedBy`: ids of containers. Returns what was untagged and deleted. */
  remove(
    reference: string,
    options: { readonly force: boolean; readonly usedBy: (imageId: string) => readonly string[] },
  ): Promise<{ readonly untagged: readonly string[]; readonly deleted: readonly string[] }>;
  /** Frees blobs and layers that nothing references. */
  collect(inUse: readonly string[]): Promise<{ readonly reclaimedBytes: number }>;
}

/**
 * The contract of the storage drivers: writable layers of containers over shared image layers.
 *
 *     <data root>/layers/<chain id>/fs        unpacked image layers (image store)
 *     <data root>/mount-points                what lies below all of them: where Warren mounts
 *     <data root>/containers/<id>/upper work  a container's writable layer; 0-based ids
 *     <data root>/containers/<id>/{hosts,hostname,resolv.conf}
 *     <data root>/containers/<id>/log/output.log
 *     <data root>/volumes/<name>/_data
 *     <data root>/trash/                      renamed here first, removed in batches
 */
import type { Readable } from 'node:stream';

export type { Volume } from '../model/volume.js';

export interface StoreFile {
  /** `hosts`, `hostname`, `resolv.conf` */
  readonly name: string;
  readonly content: string;
}

export interface PreparedLayer {
  /** Store-relative. */
  readonly upper: string;
  readonly work: string;
}

export type ChangeKind = 'added' | 'changed' | 'deleted';

export interface Change {
  readonly kind: ChangeKind;
  /** Absolute inside the container. */
  readonly path: string;
}

export interface StorageDriver {
  /** Makes the container's directories. Cheap: thousands in one batch. */
  prepare(id: string): Promise<PreparedLayer>;
  writeFiles(id: string, files: readonly StoreFile[]): Promise<void>;
  /** Renames into the trash (atomic) and returns; `emptyTrash` frees the space. */
  remove(id: string): Promise<void>;
  emptyTrash(): Promise<void>;
  /** Bytes of the writable layer; links are counted once and never followed. */
  size(id: string): Promise<number>;
  diff(id: string, layers: readonly string[]): Promise<readonly Change[]>;
  /** Ids that have directories, for the leak check. */
  found(): Promise<readonly string[]>;
}

/** Files of a container, running (`/proc/PID/root` of its init) or not (its layers, read as an overlay would). */
export interface ContainerFiles {
  /** A tar of `path` as `docker cp` makes it. Throws notFound. */
  archive(path: string, options: { readonly followLink: boolean }): Promise<Readable>;
  /** Unpacks below the directory `path`. */
  extract(
    path: string,
    archive: Readable,
    options: { readonly overwriteDirWithFile: boolean },
  ): Promise<void>;
  stat(path: string): Promise<{
    readonly name: string;
    readonly size: number;
    readonly mode: number;
    readonly mtimeMs: number;
    readonly linkTarget: string;
  }>;
  /** The whole root file system. */
  export(): Promise<Readable>;
}

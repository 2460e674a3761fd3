import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lockAcrossProcesses, type ProcessLock } from '../../host/process-lock.js';
import { makeTemporaryDirectory, removeAbandoned } from '../../host/temporary-directory.js';
import { removeTree } from '../../host/tree/remove-tree.js';
import type { Host } from '../../host/port.js';
import { ImageCatalog } from './catalog.js';
import { keptAfterFailureMs, Leases, type Lease } from '../content/leases.js';
import { UnpackedLayers } from './layers.js';
import { ImageLayout } from './layout.js';

export interface ImageStoreOptions {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
}

const temporaryPrefix = 'image';

/**
 * What everything about images works with: the OCI image layout in `<data root>/images`, the unpacked layers in
 * `<data root>/layers`, and the lock that covers the moment in which finished work gets its place and the index is
 * replaced, and the freeing of what nothing references. Long work happens outside of the lock, under a lease.
 */
export class StoreParts {
  readonly dataRoot: string;
  /** The image layout; locks are named after it. */
  readonly directory: string;
  readonly host: Pick<Host, 'run'>;
  readonly layout: ImageLayout;
  readonly layers: UnpackedLayers;
  readonly catalog: ImageCatalog;
  private readonly leases: Leases;

  constructor({ dataRoot, host }: ImageStoreOptions) {
    this.dataRoot = dataRoot;
    this.directory = join(dataRoot, 'images');
    this.host = host;
    this.layout = new ImageLayout(this.directory);
    this.layers = new UnpackedLayers(dataRoot, host);
    this.catalog = new ImageCatalog(this.layout, this.layers);
    this.leases = new Leases(join(this.directory, 'leases'));
  }

  /** Makes what is missing, and clears away what crashed processes left unfinished, once it is too old to go on with. */
  async initialize(): Promise<void> {
    mkdirSync(this.ingestDirectory, { recursive: true, mode: 0o700 });
    this.layout.initialize();
    this.layers.initialize();
    this.leases.initialize();
    await removeAbandoned(join(this.dataRoot, 'tmp'), temporaryPrefix);
    const tooOld = this.leases.endAbandoned((_note, ageMs) => ageMs > keptAfterFailureMs);
    if (tooOld > 0) await this.freeAfter(() => undefined);
  }

  /** Where blobs are while they arrive. */
  get ingestDirectory(): string {
    return join(this.directory, 'ingest');
  }

  lockIndex(): Promise<ProcessLock> {
    return lockAcrossProcesses(this.directory, 'index');
  }

  /** Runs `work` with a lease; what it got stays for the next try when it fails. */
  async withLease<T>(subject: string, work: (lease: StoreLease) => Promise<T>): Promise<T> {
    const lease = this.leases.open(subject);
    let result: T;
    try {
      result = await work({
        hold: async (digests) => {
          await using _lock = await this.lockIndex();
          lease.add(digests);
        },
        holdLocked: (digests) => {
          lease.add(digests);
        },
      });
    } catch (error) {
      lease.abandon();
      throw error;
    }
    lease.release();
    return result;
  }

  /** A lease for work whose end only the caller sees. */
  async openLease(subject: string, digests: readonly string[]): Promise<Lease> {
    const lease = this.leases.open(subject);
    await using _lock = await this.lockIndex();
    lease.add(digests);
    return lease;
  }

  async withTemporary<T>(work: (directory: string) => Promise<T>): Promise<T> {
    await using temporary = this.openTemporary();
    return await work(temporary.directory);
  }

  /** An empty directory of ours on the data root's file system, which goes when it is disposed. */
  openTemporary(): { readonly directory: string } & AsyncDisposable {
    const directory = makeTemporaryDirectory(join(this.dataRoot, 'tmp'), temporaryPrefix);
    return { directory, [Symbol.asyncDispose]: () => removeTree(directory) };
  }

  /** Digests that work in progress, of any process, relies on. */
  heldByWork(): ReadonlySet<string> {
    return this.leases.held({ abandoned: false });
  }

  /**
   * Runs `change` under the lock, and then frees what neither the index nor a lease leads to: it is taken away under the
   * lock, and what takes long, the files of layers, is removed when others may go on.
   * @param forgetFailed also what failed work kept for a second try
   */
  async freeAfter<T>(
    change: () => T,
    { forgetFailed = false }: { readonly forgetFailed?: boolean } = {},
  ): Promise<{ readonly result: T; readonly bytes: number }> {
    const graves: string[] = [];
    const lock = await this.lockIndex();
    try {
      const result = change();
      if (forgetFailed) this.leases.endAbandoned(() => true);
      const { blobs, chainIds } = this.catalog.referenced();
      const held = this.leases.held({ abandoned: true });
      let bytes = this.layout.removeBlobsExcept(new Set([...blobs, ...held]));
      bytes += this.removeUnfinished(held);
      for (const chainId of this.layers.list()) {
        if (chainIds.has(chainId) || held.has(chainId)) continue;
        const discarded = this.layers.discard(chainId);
        bytes += discarded.bytes;
        graves.push(discarded.grave);
      }
      return { result, bytes };
    } finally {
      await lock.release();
      for (const grave of graves) await removeTree(grave);
    }
  }

  private removeUnfinished(held: ReadonlySet<string>): number {
    let bytes = 0;
    for (const name of readdirSync(this.ingestDirectory)) {
      if (held.has(`sha256:${name}`)) continue;
      const path = join(this.ingestDirectory, name);
      bytes += statSync(path).size;
      rmSync(path);
    }
    return bytes;
  }
}

/** A {@link Lease} as work uses it: the end is decided by how the work ends. */
export interface StoreLease {
  /** Content named so is not freed from now on, whether it is there yet or not. */
  hold(digests: readonly string[]): Promise<void>;
  /** The same for a caller that has the store's lock. */
  holdLocked(digests: Parameters<Lease['add']>[0]): void;
}

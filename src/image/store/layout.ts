import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { digestOf, mediaTypes, type OciDescriptor, type OciIndex } from '../oci.js';

const digestPattern = /^sha256:[0-9a-f]{64}$/;

/**
 * An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/sha256/…`. Files appear complete, by
 * renaming. Changing the index needs the store's lock.
 */
export class ImageLayout {
  private readonly directory: string;
  private cached: { readonly key: string; readonly index: OciIndex } | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes what is missing. */
  initialize(): void {
    mkdirSync(join(this.directory, 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
    const marker = join(this.directory, 'oci-layout');
    if (!existsSync(marker)) this.replace(marker, '{"imageLayoutVersion":"1.0.0"}');
  }

  /** Throws corrupt (INVALID_DIGEST): digests come from documents and end up in paths. */
  blobPath(digest: string): string {
    if (!digestPattern.test(digest)) {
      throw new WarrenError(
        'corrupt',
        'INVALID_DIGEST',
        `Cannot use blob ${JSON.stringify(digest.slice(0, 80))}: this is no sha256 digest`,
      );
    }
    return join(this.directory, 'blobs', 'sha256', digest.slice('sha256:'.length));
  }

  has(digest: string): boolean {
    return existsSync(this.blobPath(digest));
  }

  /** A small blob, verified. Throws corrupt (BLOB_MISSING, BLOB_CORRUPT). */
  readBlob(digest: string): Buffer {
    const path = this.blobPath(digest);
    if (!existsSync(path)) {
      throw new WarrenError(
        'corrupt',
        'BLOB_MISSING',
        `Cannot read image blob ${digest}: it is gone`,
      );
    }
    const content = readFileSync(path);
    if (digestOf(content) !== digest) {
      throw new WarrenError(
        'corrupt',
        'BLOB_CORRUPT',
        `Cannot use image blob ${digest}: its content has another digest`,
        { hint: 'Remove the image and build or pull it again' },
      );
    }
    return content;
  }

  /** Stores a document and describes it. */
  writeDocument(mediaType: string, document: object): OciDescriptor {
    const content = Buffer.from(JSON.stringify(document));
    return { mediaType, digest: this.writeBlob(content), size: content.length };
  }

  /** Stores a small blob; returns its digest. */
  writeBlob(content: Buffer): string {
    const digest = digestOf(content);
    this.replace(this.blobPath(digest), content);
    return digest;
  }

  /** Moves a finished file, whose digest the caller computed while writing, into its place. */
  adoptBlob(file: string, digest: string): void {
    renameSync(file, this.blobPath(digest));
  }

  /** Removes every blob but these, and what a crash left of others. Returns the bytes. */
  removeBlobsExcept(kept: ReadonlySet<string>): number {
    const directory = join(this.directory, 'blobs', 'sha256');
    let bytes = 0;
    for (const name of readdirSync(directory)) {
      if (kept.has(`sha256:${name}`)) continue;
      bytes += statSync(join(directory, name)).size;
      rmSync(join(directory, name));
    }
    return bytes;
  }

  /** The index as it is now; read again only when the file was replaced. */
  index(): OciIndex {
    const path = join(this.directory, 'index.json');
    if (!existsSync(path)) {
      return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
    }
    const { ino, mtimeNs, size } = statSync(path, { bigint: true });
    const key = `${ino}:${mtimeNs}:${size}`;
    if (this.cached?.key !== key) {
      this.cached = { key, index: JSON.parse(readFileSync(path, 'utf8')) as OciIndex };
    }
    return this.cached.index;
  }

  writeIndex(manifests: readonly OciDescriptor[]): void {
    const index: OciIndex = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    this.replace(join(this.directory, 'index.json'), JSON.stringify(index, null, 2));
  }

  private replace(path: string, content: string | Buffer): void {
    const next = `${path}.next-${process.pid}`;
    const fd = openSync(next, 'w', 0o600);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
      renameSync(next, path);
    } catch (error) {
      rmSync(next, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  }
}

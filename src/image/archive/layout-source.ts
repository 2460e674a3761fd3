import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { maximumDocumentBytes } from '../documents.js';
import { digestOf } from '../oci.js';
import type { SpooledArchive } from './spool.js';

/** An OCI image layout to read from: a directory, or an archive that was laid aside. */
export interface LayoutSource {
  /** `index.json`, for example; null when it is not there. */
  document(name: string): Buffer | null;
  /** A small blob, verified. @throws WarrenError corrupt */
  blob(digest: string): Buffer;
  /** Path of a blob's file. @throws WarrenError corrupt when it is not there */
  blobFile(digest: string): string;
}

export function archiveSource(archive: SpooledArchive): LayoutSource {
  return sourceOf((name) => archive.find(name)?.file ?? null);
}

export function directorySource(directory: string): LayoutSource {
  return sourceOf((name) => {
    const path = join(directory, name);
    return existsSync(path) ? path : null;
  });
}

function sourceOf(find: (name: string) => string | null): LayoutSource {
  const blobFile = (digest: string): string => {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
    const file = hex === undefined ? null : find(`blobs/sha256/${hex}`);
    if (file !== null) return file;
    throw new WarrenError(
      'corrupt',
      'INVALID_ARCHIVE',
      `Cannot load the image: blob ${digest.slice(0, 80)} is missing`,
    );
  };
  return {
    blobFile,
    document: (name) => {
      const file = find(name);
      return file === null ? null : readSmall(file, name);
    },
    blob: (digest) => {
      const content = readSmall(blobFile(digest), digest);
      if (digestOf(content) === digest) return content;
      throw new WarrenError(
        'corrupt',
        'DIGEST_MISMATCH',
        `Cannot load the image: blob ${digest} has other content`,
      );
    },
  };
}

function readSmall(file: string, name: string): Buffer {
  const stats = statSync(file);
  if (stats.isFile() && stats.size <= maximumDocumentBytes) return readFileSync(file);
  throw new WarrenError(
    'corrupt',
    'INVALID_ARCHIVE',
    `Cannot load the image: ${name} is no file of at most ${maximumDocumentBytes} bytes`,
  );
}

/** From any byte on, as a blob is ingested. */
export function openFile(file: string): (offset: number) => Promise<{
  readonly body: ReturnType<typeof createReadStream>;
  readonly offset: number;
}> {
  return async (offset) => ({
    body: createReadStream(file, { start: offset, highWaterMark: 1 << 18 }),
    offset,
  });
}

import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { WarrenError } from '../../base/errors.js';
import { compressionOf } from '../layer/compression.js';
import { unzstd } from '../layer/zstd.js';
import type { StoreParts } from '../store/store-parts.js';
import { archiveSource } from './layout-source.js';
import { dockerArchiveImages, loadDockerImage } from './load-docker.js';
import { loadLayout, namesOfEntry, type LoadedImage, type LoadRequest } from './load-layout.js';
import { spoolArchive } from './spool.js';

/**
 * Loads the images of an archive: Docker's old layout (`manifest.json`, a folder for each layer), its new one (an OCI layout with
 * `manifest.json`), or an OCI archive; compressed or not.
 * @throws WarrenError corrupt (INVALID_ARCHIVE, DIGEST_MISMATCH, ARCHIVE_…), unsupported
 */
export async function loadArchive(
  parts: StoreParts,
  archive: AsyncIterable<Buffer>,
  request: LoadRequest & { readonly only?: string | undefined },
): Promise<readonly LoadedImage[]> {
  return await parts.withTemporary(async (temporary) => {
    const spooled = await spoolArchive(plain(archive), temporary, request.signal);
    const images = dockerArchiveImages(spooled);
    if (spooled.find('oci-layout') !== null && spooled.find('index.json') !== null) {
      const tagsOf = (imageId: string): readonly string[] =>
        (images ?? [])
          .filter(({ Config }) => Config.endsWith(imageId.slice('sha256:'.length)))
          .flatMap(({ RepoTags }) => RepoTags);
      return await loadLayout(parts, archiveSource(spooled), {
        ...request,
        names: (entry, imageId) => {
          const own = namesOfEntry(entry);
          return own.length > 0 ? own : tagsOf(imageId);
        },
      });
    }
    if (images === null) {
      throw new WarrenError(
        'corrupt',
        'INVALID_ARCHIVE',
        'Cannot load the archive: it has neither manifest.json nor an OCI layout',
        { hint: 'A root file system is read by: warren import' },
      );
    }
    const { only } = request;
    const loaded: LoadedImage[] = [];
    for (const image of images) {
      if (only !== undefined && !image.RepoTags.includes(only)) continue;
      loaded.push(await loadDockerImage(parts, spooled, { ...request, image, temporary }));
    }
    if (loaded.length > 0) return loaded;
    throw new WarrenError(
      'notFound',
      'NOT_IN_LAYOUT',
      `Cannot load the image: the archive has no such image`,
    );
  });
}

/** Archives may be compressed as a whole. */
async function* plain(archive: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = archive[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const whole = joined(first.value, iterator);
  switch (compressionOf(first.value)) {
    case 'none':
      yield* whole;
      return;
    case 'gzip': {
      const source = Readable.from(whole, { objectMode: false });
      yield* pipeline(source, createGunzip(), () => undefined) as AsyncIterable<Buffer>;
      return;
    }
    case 'zstd':
      yield* unzstd(whole);
      return;
  }
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    for (;;) {
      const next = await rest.next();
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}

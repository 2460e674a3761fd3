import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { referenceOf, type ImageCatalog } from '../store/catalog.js';
import { parseReference, parseTag } from '../reference.js';
import type { StoreParts } from '../store/store-parts.js';
import { loadIntoDaemon, saveFromDaemon } from './docker-daemon.js';
import { directorySource } from './layout-source.js';
import { loadArchive } from './load.js';
import { loadLayout, namesOfEntry, type LoadedImage, type LoadRequest } from './load-layout.js';
import { blobsOf, saveImages, type ArchiveFormat, type SavedImage } from './save.js';
import type { Transport } from './transport.js';
import { writeLayout } from './write-layout.js';

/**
 * Brings an image in from another place than a registry.
 * @throws WarrenError see {@link loadArchive}, {@link loadLayout}
 */
export async function loadFrom(
  parts: StoreParts,
  { transport, place, name: only }: Transport,
  request: LoadRequest,
): Promise<readonly LoadedImage[]> {
  switch (transport) {
    case 'docker-daemon':
      return await loadArchive(parts, await saveFromDaemon(place), request);
    case 'oci':
      return await loadLayout(parts, directorySource(place), {
        ...request,
        only,
        names: namesOfEntry,
      });
    default:
      return await loadArchive(parts, openGiven(place), { ...request, only });
  }
}

/** Gives an image to another place than a registry. The caller holds a lease. */
export async function saveTo(
  parts: StoreParts,
  saved: SavedImage,
  target: Transport,
): Promise<void> {
  const { place, name } = target;
  if (target.transport === 'oci') {
    writeLayout(parts, saved, { directory: place, name });
    return;
  }
  const named = target.transport === 'docker-daemon' ? place : name;
  const image = named === undefined ? saved : { ...saved, references: [parseTag(named)] };
  const format = target.transport === 'oci-archive' ? 'oci-archive' : 'docker-archive';
  const archive = Readable.from(saveImages(parts, [image], format), { objectMode: false });
  if (target.transport === 'docker-daemon') {
    await loadIntoDaemon(archive, `push docker-daemon:${place}`);
    return;
  }
  const next = `${place}.next-${process.pid}`;
  try {
    await pipeline(archive, createWriteStream(next, { flush: true }));
    renameSync(next, place);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** Images by reference; those named twice once, with both names. @throws WarrenError notFound (IMAGE_NOT_FOUND) */
export function chosenImages(
  catalog: ImageCatalog,
  references: readonly string[],
): readonly SavedImage[] {
  const chosen = new Map<string, { image: SavedImage['image']; references: string[] }>();
  for (const reference of references) {
    const image = catalog.find(reference);
    const names = catalog.entriesOf(image.id).flatMap((entry) => referenceOf(entry) ?? []);
    const parsed = parseReference(reference);
    const name = parsed.kind === 'name' && names.includes(parsed.familiar) ? [parsed.familiar] : [];
    const known = chosen.get(image.manifest.digest) ?? { image, references: [] };
    known.references.push(...name.filter((each) => !known.references.includes(each)));
    chosen.set(image.manifest.digest, known);
  }
  return [...chosen.values()];
}

/** An archive of these images, under a lease that lasts as long as it is read. */
export async function* leasedArchive(
  parts: StoreParts,
  images: readonly SavedImage[],
  format: ArchiveFormat,
): AsyncGenerator<Buffer> {
  const lease = await parts.openLease(`save ${images.length} images`, [...blobsOf(images).keys()]);
  try {
    yield* saveImages(parts, images, format);
  } finally {
    lease.release();
  }
}

function openGiven(file: string): AsyncIterable<Buffer> {
  return createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
}

import { constants, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ImageLayout } from '../store/layout.js';
import { annotations, type OciDescriptor } from '../oci.js';
import type { StoreParts } from '../store/store-parts.js';
import { blobsOf, type SavedImage } from './save.js';

/** Adds an image to an OCI layout in a directory, which is made when it is missing, under this name. */
export function writeLayout(
  parts: StoreParts,
  saved: SavedImage,
  target: { readonly directory: string; readonly name: string | undefined },
): void {
  mkdirSync(target.directory, { recursive: true });
  const layout = new ImageLayout(target.directory);
  layout.initialize();
  for (const digest of blobsOf([saved]).keys()) {
    const to = join(target.directory, 'blobs', 'sha256', digest.slice('sha256:'.length));
    if (existsSync(to)) continue;
    const next = `${to}.next-${process.pid}`;
    copyFileSync(parts.layout.blobPath(digest), next, constants.COPYFILE_FICLONE);
    layout.adoptBlob(next, digest);
  }
  const { mediaType, digest, size } = saved.image.manifest;
  const { architecture, os } = saved.image.source;
  const entry: OciDescriptor = {
    mediaType,
    digest,
    size,
    platform: { architecture, os },
    ...(target.name === undefined ? {} : { annotations: { [annotations.refName]: target.name } }),
  };
  const others = layout
    .index()
    .manifests.filter((each) => each.annotations?.[annotations.refName] !== target.name);
  layout.writeIndex([...others, entry]);
}

import { join } from 'node:path';
import { WarrenError } from '../base/errors.js';
import type { ByteString } from '../base/tar/tar-header.js';
import { readTar, type TarMember } from '../base/tar/tar-reader.js';
import type { Host } from '../host/port.js';
import { makeTemporaryDirectory } from '../host/temporary-directory.js';
import { applyRecords, RecordFile, type RecordIds } from '../host/tree/apply-records.js';
import { removeTree } from '../host/tree/remove-tree.js';
import type { AccessWatch } from '../host/tree/stall-watch.js';

export interface ExtractRequest {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
  /** A path to the container's root for programs that we start. */
  readonly root: string;
  /** Where to unpack, inside that root, without links. */
  readonly directory: ByteString;
  /** The container's ids on the host, when its files show those. */
  readonly ids: RecordIds | null;
  readonly watch: AccessWatch;
  readonly overwriteDirWithFile: boolean;
}

/** Prefix of the directories in `<data root>/tmp` that hold an archive on its way into a container. */
export const extractPrefix = 'extract';

/**
 * Unpacks an archive below a directory of a container. It is spooled first, as a list of things to make, and then
 * made by a program that has the container's root user's identity and cannot be led out of its root.
 * Device nodes are left out, ids that the container does not have become 0. Throws corrupt and conflict.
 */
export async function extractArchive(
  archive: AsyncIterable<Buffer>,
  request: ExtractRequest,
): Promise<void> {
  const temporary = makeTemporaryDirectory(join(request.dataRoot, 'tmp'), extractPrefix);
  try {
    await using records = await RecordFile.create(join(temporary, 'records'));
    for await (const member of readTar(archive)) await spool(member, records, request);
    await request.watch.during((onProgress) =>
      applyRecords(request.host, records, {
        root: request.root,
        onProgress,
        ...(request.ids === null ? {} : { ids: request.ids }),
      }),
    );
  } finally {
    await removeTree(temporary);
  }
}

async function spool(
  member: TarMember,
  records: RecordFile,
  request: ExtractRequest,
): Promise<void> {
  if (member.type === 'character-device' || member.type === 'block-device') return;
  const path = inside(request.directory, member.path);
  // The directory itself keeps its attributes, and the root has no name to set them by.
  if (path === request.directory || path === '/') return;
  const known = (id: number): number => (request.ids === null || id < request.ids.count ? id : 0);
  const entry = {
    ...member,
    path,
    uid: known(member.uid),
    gid: known(member.gid),
    linkName: member.type === 'link' ? inside(request.directory, member.linkName) : member.linkName,
  };
  await records.add(entry, { replaceDirectory: request.overwriteDirWithFile });
  if (member.type === 'file') await records.content(member.content);
}

function inside(directory: ByteString, name: ByteString): ByteString {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0')) {
    throw new WarrenError(
      'invalidArgument',
      'ARCHIVE_HOSTILE',
      `Cannot unpack archive: ${JSON.stringify(name.slice(0, 200))} would lead outside`,
    );
  }
  return `/${[...directory.split('/').filter((part) => part !== ''), ...parts].join('/')}`;
}

import type { BigIntStats } from 'node:fs';
import { WarrenError } from '../base/errors.js';
import {
  encodeTarHeader,
  tarPadding,
  type ByteString,
  type TarEntry,
  type TarEntryType,
} from '../base/tar/tar-header.js';
import type { DirectoryHandle } from '../host/tree/directory-handle.js';
import { readNames } from '../host/tree/read-names.js';
import { contentOf, deviceNumbers, modificationTime, tarTypeOf } from '../host/tree/tar-facts.js';
import type { RecordIds } from '../host/tree/apply-records.js';
import { unlessGone } from './tree-size.js';

const maximumDepth = 512;
/** What the kernel shows for ids that a user namespace does not map. */
const overflowId = 65534;

export interface TarTreeOptions {
  /** The container's ids on the host, when its files show those. */
  readonly ids: RecordIds | null;
  /** Directories of other file systems stay empty. */
  readonly oneFileSystem: boolean;
  /** Every member belongs to these; undefined: to whom it belongs on disk. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * The members of an archive of one name in a directory and everything below it, called `memberName` in
 * the archive (empty: the content only, at the archive's root). No link is followed; what disappears meanwhile
 * is left out; a file that shrinks is filled with zeros, as its size is promised before. Throws
 * invalidArgument (TREE_TOO_DEEP).
 */
export async function* tarTree(
  parent: DirectoryHandle,
  names: { readonly name: ByteString; readonly memberName: ByteString },
  options: TarTreeOptions,
): AsyncGenerator<Buffer> {
  const archiver = new TreeArchiver(options);
  yield* archiver.members(parent, { ...names, depth: 0 });
}

interface Place {
  readonly name: ByteString;
  readonly memberName: ByteString;
  readonly depth: number;
}

class TreeArchiver {
  private readonly options: TarTreeOptions;
  /** First member name of each file that has several. */
  private readonly linked = new Map<string, ByteString>();
  private device: bigint | undefined;

  constructor(options: TarTreeOptions) {
    this.options = options;
  }

  async *members(parent: DirectoryHandle, place: Place): AsyncGenerator<Buffer> {
    const stats = await unlessGone(parent.lstatBig(place.name));
    const type = stats === null ? null : tarTypeOf(stats);
    if (stats === null || type === null) return;
    if (type === 'file') {
      yield* this.file(parent, place, stats);
      return;
    }
    const linkName = type === 'symlink' ? await unlessGone(parent.readlink(place.name)) : '';
    if (linkName === null) return;
    if (place.memberName !== '')
      yield encodeTarHeader(this.entry(place, stats, { type, linkName }));
    if (type === 'directory') yield* this.directory(parent, place, stats);
  }

  private async *directory(
    parent: DirectoryHandle,
    place: Place,
    stats: BigIntStats,
  ): AsyncGenerator<Buffer> {
    this.device ??= stats.dev;
    if (this.options.oneFileSystem && stats.dev !== this.device) return;
    if (place.depth >= maximumDepth) {
      throw new WarrenError(
        'invalidArgument',
        'TREE_TOO_DEEP',
        `Cannot archive files: directories are nested deeper than ${maximumDepth}`,
      );
    }
    const opened = await unlessGone(parent.openChild(place.name));
    if (opened === null) return;
    await using directory = opened;
    for await (const name of readNames(directory)) {
      const memberName = place.memberName === '' ? name : `${place.memberName}/${name}`;
      yield* this.members(directory, { name, memberName, depth: place.depth + 1 });
    }
  }

  private async *file(
    parent: DirectoryHandle,
    place: Place,
    stats: BigIntStats,
  ): AsyncGenerator<Buffer> {
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.linked.get(key);
    if (first !== undefined) {
      yield encodeTarHeader(this.entry(place, stats, { type: 'link', linkName: first }));
      return;
    }
    const fd = await unlessGone(parent.openRegular(place.name));
    if (fd === null) return;
    if (stats.nlink > 1n) this.linked.set(key, place.memberName);
    const header = encodeTarHeader(this.entry(place, stats, { type: 'file', linkName: '' }));
    yield* contentOf(fd, { size: Number(stats.size), before: header });
    yield tarPadding(Number(stats.size));
  }

  private entry(
    place: Place,
    stats: BigIntStats,
    { type, linkName }: { readonly type: TarEntryType; readonly linkName: ByteString },
  ): TarEntry {
    const device = type === 'character-device' || type === 'block-device';
    return {
      path: place.memberName,
      type,
      mode: Number(stats.mode & 0o7777n),
      uid: this.options.owner?.uid ?? this.insideId(Number(stats.uid)),
      gid: this.options.owner?.gid ?? this.insideId(Number(stats.gid)),
      size: type === 'file' ? Number(stats.size) : 0,
      ...modificationTime(stats),
      linkName,
      ...(device ? deviceNumbers(stats.rdev) : {}),
    };
  }

  private insideId(id: number): number {
    const { ids } = this.options;
    if (ids === null) return id;
    const inside = id - ids.base;
    return inside >= 0 && inside < ids.count ? inside : overflowId;
  }
}

import type { BigIntStats } from 'node:fs';
import { errnoOf, WarrenError } from '../../base/errors.js';
import {
  encodeTarHeader,
  tarEnd,
  tarPadding,
  type ByteString,
  type TarEntry,
  type TarEntryType,
} from '../../base/tar/tar-header.js';
import type { Host } from '../../host/port.js';
import { DirectoryHandle } from '../../host/tree/directory-handle.js';
import { readNames } from '../../host/tree/read-names.js';
import {
  contentOf,
  deviceNumbers,
  modificationTime,
  tarTypeOf,
} from '../../host/tree/tar-facts.js';
import { readTreeAttributes, type TreeAttributes } from '../../host/tree/tree-attributes.js';
import { plainCapability } from './file-capability.js';
import { opaqueMarker, whiteoutPrefix } from './layer-names.js';

export interface PackRequest {
  /** Absolute path of the writable layer's upper directory; its ids are 0-based. */
  readonly upper: string;
  readonly host: Pick<Host, 'run'>;
  /**
   * Paths (`etc/hosts`, without a leading slash) that only exist because something was mounted there: left out while they
   * are empty. @default none
   */
  readonly mountPoints?: ReadonlySet<ByteString>;
  /** Instead of the times on disk. @default those on disk */
  readonly mtimeSeconds?: number;
}

const maximumDepth = 512;
const overlayPrefix = 'trusted.overlay.';

/**
 * The tar of a layer (image-spec layer.md) with what a container's writable layer changes: overlay's marks become `.wh.`
 * names, the rest is packed as it is, in the order of names. The tree is hostile: nothing is looked up by more than one
 * name, no link is followed, nothing but regular files is opened. What disappears meanwhile is left out: the caller sees to it
 * that nobody writes. Give it to {@link writeLayer}. Throws unsupported (LAYER_REDIRECTS), invalidArgument (TREE_TOO_DEEP).
 */
export async function* packChanges(request: PackRequest): AsyncGenerator<Buffer> {
  const attributes = await readTreeAttributes(request.host, request.upper);
  await using upper = await DirectoryHandle.open(request.upper);
  const packer = new ChangePacker(request, attributes);
  yield* packer.directory(upper, { path: '', depth: 0 });
  yield tarEnd;
}

interface Place {
  /** Without a leading slash; empty at the root. */
  readonly path: ByteString;
  readonly depth: number;
}

class ChangePacker {
  private readonly mountPoints: ReadonlySet<ByteString>;
  private readonly mtimeSeconds: number | undefined;
  private readonly attributes: TreeAttributes;
  /** First member name of each file that has several. */
  private readonly linked = new Map<string, ByteString>();

  constructor({ mountPoints = new Set(), mtimeSeconds }: PackRequest, attributes: TreeAttributes) {
    this.mountPoints = mountPoints;
    this.mtimeSeconds = mtimeSeconds;
    this.attributes = attributes;
  }

  /** What is in a directory, its own mark first. */
  async *directory(directory: DirectoryHandle, place: Place): AsyncGenerator<Buffer> {
    if (place.depth >= maximumDepth) throw tooDeep();
    if (place.path !== '' && this.mark(place.path, 'opaque') === 'y') {
      yield whiteout(`${place.path}/${opaqueMarker}`);
    }
    for (const name of await sortedNames(directory)) {
      const path = place.path === '' ? name : `${place.path}/${name}`;
      yield* this.member(directory, name, { path, depth: place.depth + 1 });
    }
  }

  private async *member(
    parent: DirectoryHandle,
    name: ByteString,
    place: Place,
  ): AsyncGenerator<Buffer> {
    const stats = await unlessGone(parent.lstatBig(name));
    if (stats === null || (await this.isMountPoint(parent, name, { stats, path: place.path })))
      return;
    this.refuseRedirect(place.path);
    if (this.isWhiteout(stats, place.path)) {
      yield whiteout(asWhiteout(place.path, name));
      return;
    }
    // A name of this form would mean something else to whoever unpacks: it cannot be packed.
    if (name.startsWith(whiteoutPrefix)) throw reservedName(place.path);
    const type = tarTypeOf(stats);
    if (type === null) return;
    if (type === 'file') {
      yield* this.file(parent, name, { stats, path: place.path });
      return;
    }
    const linkName = type === 'symlink' ? await unlessGone(parent.readlink(name)) : '';
    if (linkName === null) return;
    yield encodeTarHeader(this.entry(place.path, stats, { type, linkName }));
    if (type !== 'directory') return;
    const opened = await unlessGone(parent.openChild(name));
    if (opened === null) return;
    await using directory = opened;
    yield* this.directory(directory, place);
  }

  private async *file(
    parent: DirectoryHandle,
    name: ByteString,
    { stats, path }: { readonly stats: BigIntStats; readonly path: ByteString },
  ): AsyncGenerator<Buffer> {
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.linked.get(key);
    if (first !== undefined) {
      yield encodeTarHeader(this.entry(path, stats, { type: 'link', linkName: first }));
      return;
    }
    const fd = await unlessGone(parent.openRegular(name));
    if (fd === null) return;
    if (stats.nlink > 1n) this.linked.set(key, path);
    const before = encodeTarHeader(this.entry(path, stats, { type: 'file', linkName: '' }));
    yield* contentOf(fd, { size: Number(stats.size), before });
    yield tarPadding(Number(stats.size));
  }

  private entry(
    path: ByteString,
    stats: BigIntStats,
    { type, linkName }: { readonly type: TarEntryType; readonly linkName: ByteString },
  ): TarEntry {
    const device = type === 'character-device' || type === 'block-device';
    return {
      path,
      type,
      mode: Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      size: type === 'file' ? Number(stats.size) : 0,
      ...(this.mtimeSeconds === undefined
        ? modificationTime(stats)
        : { mtimeSeconds: this.mtimeSeconds }),
      linkName,
      ...(device ? deviceNumbers(stats.rdev) : {}),
      ...(type === 'link' ? {} : { xattrs: this.xattrs(path) }),
    };
  }

  private xattrs(path: ByteString): ReadonlyMap<ByteString, Buffer> {
    const kept = new Map<ByteString, Buffer>();
    for (const [name, value] of this.attributes.get(`/${path}`) ?? []) {
      if (name.startsWith(overlayPrefix)) continue;
      kept.set(name, name === 'security.capability' ? plainCapability(value) : value);
    }
    return kept;
  }

  /** The value of one of overlay's own attributes. */
  private mark(path: ByteString, name: string): string | undefined {
    return this.attributes.get(`/${path}`)?.get(`${overlayPrefix}${name}`)?.toString('latin1');
  }

  private isWhiteout(stats: BigIntStats, path: ByteString): boolean {
    if (stats.isCharacterDevice()) return stats.rdev === 0n;
    return stats.isFile() && stats.size === 0n && this.mark(path, 'whiteout') !== undefined;
  }

  /** Kernels that are configured to rename directories of lower layers leave a note instead of a copy. */
  private refuseRedirect(path: ByteString): void {
    const redirected = this.mark(path, 'redirect') !== undefined;
    if (!redirected && this.mark(path, 'metacopy') === undefined) return;
    throw new WarrenError(
      'unsupported',
      'LAYER_REDIRECTS',
      `Cannot pack the changes of a container: /${shown(path)} refers to a layer below it`,
      { hint: 'Set the overlay parameters redirect_dir and metacopy of the kernel to off' },
    );
  }

  private async isMountPoint(
    parent: DirectoryHandle,
    name: ByteString,
    { stats, path }: { readonly stats: BigIntStats; readonly path: ByteString },
  ): Promise<boolean> {
    if (!this.mountPoints.has(path)) return false;
    if (stats.isFile()) return stats.size === 0n;
    if (!stats.isDirectory()) return false;
    const opened = await unlessGone(parent.openChild(name));
    if (opened === null) return true;
    await using directory = opened;
    for (const child of await sortedNames(directory)) {
      const below = await unlessGone(directory.lstatBig(child));
      const question = { stats: below ?? stats, path: `${path}/${child}` };
      if (below !== null && !(await this.isMountPoint(directory, child, question))) return false;
    }
    return true;
  }
}

/** Equal trees shall give equal bytes, whatever order the file system has. */
async function sortedNames(directory: DirectoryHandle): Promise<readonly ByteString[]> {
  const names: ByteString[] = [];
  for await (const name of readNames(directory)) names.push(name);
  return names.sort();
}

function asWhiteout(path: ByteString, name: ByteString): ByteString {
  return `${path.slice(0, path.length - name.length)}${whiteoutPrefix}${name}`;
}

function whiteout(path: ByteString): Buffer {
  return encodeTarHeader({ path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtimeSeconds: 0 });
}

async function unlessGone<T>(action: Promise<T>): Promise<T | null> {
  try {
    return await action;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function shown(path: ByteString): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

function reservedName(path: ByteString): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'RESERVED_NAME',
    `Cannot pack /${shown(path)} into a layer: names that begin with ${whiteoutPrefix} mean that something was removed`,
    { hint: 'Rename or remove it first' },
  );
}

function tooDeep(): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'TREE_TOO_DEEP',
    `Cannot pack files: directories are nested deeper than ${maximumDepth}`,
  );
}

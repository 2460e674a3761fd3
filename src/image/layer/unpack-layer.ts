import {
  chmod,
  close,
  fchmod,
  fchown,
  futimes,
  lchown,
  link,
  lutimes,
  mkdir,
  open,
  symlink,
  unlink,
  write,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../../base/errors.js';
import type { ByteString } from '../../base/tar-header.js';
import { readTar, type TarMember } from '../../base/tar-reader.js';
import type { Host } from '../../host/port.js';
import { applyRecords, RecordFile } from '../../host/tree/apply-records.js';
import { DirectoryHandle } from '../../host/tree/directory-handle.js';
import { removeTree } from '../../host/tree/remove-tree.js';
import { resolveInRoot, type ResolvedPath } from '../../host/tree/resolve-in-root.js';
import { componentsOf, layerName } from './layer-names.js';

const make = {
  directory: promisify(mkdir),
  file: promisify(open),
  symlink: promisify(symlink),
  link: promisify(link),
};
const change = {
  mode: promisify(chmod),
  owner: promisify(lchown),
  times: promisify(lutimes),
  fileMode: promisify(fchmod),
  fileOwner: promisify(fchown),
  fileTimes: promisify(futimes),
};
const removeName = promisify(unlink);
const closeFile = promisify(close);
const writeFile = promisify(write);

/** Overlay's mark for a name that hides what is below: a character device 0:0. */
const whiteout = {
  type: 'character-device',
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
} as const;
/** What a layer may set; `trusted.` would forge overlay's own marks. */
const allowedXattrs = /^(?:security\.capability|user\..+)$/;

export interface UnpackOptions {
  readonly host: Pick<Host, 'run'>;
  /** An empty directory of ours on the same file system, for notes. */
  readonly temporary: string;
  readonly signal?: AbortSignal;
}

export interface UnpackResult {
  /** Bytes of the content of all files. */
  readonly sizeBytes: number;
  /** Device nodes of the layer, which are left out: a container gets its devices from its config. */
  readonly skippedDevices: number;
}

/**
 * Unpacks a layer into an empty directory that nobody else uses, with the archive's ids as they are (0-based),
 * whiteouts turned into overlay's. The archive is hostile: names with `..` are refused, links in it are
 * resolved inside the directory, and nothing is written through one. Throws corrupt.
 */
export async function unpackLayer(
  tar: AsyncIterable<Buffer>,
  directory: string,
  options: UnpackOptions,
): Promise<UnpackResult> {
  await using root = await DirectoryHandle.open(directory);
  await using special = await RecordFile.create(join(options.temporary, 'special'));
  const unpacker = new LayerUnpacker(root, special);
  try {
    for await (const member of readTar(tar)) {
      options.signal?.throwIfAborted();
      await unpacker.add(member);
    }
    await unpacker.finish();
  } finally {
    await unpacker.close();
  }
  await applyRecords(options.host, special, { root: directory });
  return unpacker.result;
}

class LayerUnpacker {
  private readonly root: DirectoryHandle;
  private readonly special: RecordFile;
  private parent: { readonly path: ByteString; readonly handle: DirectoryHandle } | undefined;
  private readonly directoryTimes = new Map<ByteString, number>();
  private readonly whiteouts: ByteString[] = [];
  private sizeBytes = 0;
  private skippedDevices = 0;

  constructor(root: DirectoryHandle, special: RecordFile) {
    this.root = root;
    this.special = special;
  }

  get result(): UnpackResult {
    return { sizeBytes: this.sizeBytes, skippedDevices: this.skippedDevices };
  }

  async add(member: TarMember): Promise<void> {
    const name = layerName(member.path);
    switch (name.kind) {
      case 'root':
        return this.setRoot(member);
      case 'opaque':
        return this.special.xattr(name.path, 'trusted.overlay.opaque', Buffer.from('y'));
      case 'whiteout':
        this.whiteouts.push(name.path);
        return;
      case 'ignored':
        return;
      case 'entry':
        await this.make(member, name.path, await this.enter(name.parents));
    }
    for (const [key, value] of member.xattrs) {
      if (allowedXattrs.test(key)) await this.special.xattr(name.path, key, value);
    }
  }

  /** What could only be done once everything is there. */
  async finish(): Promise<void> {
    for (const path of this.whiteouts) {
      // A name that the layer brings itself is not hidden by its own whiteout.
      if (!(await this.exists(path))) await this.special.add({ ...whiteout, path });
    }
    for (const [path, seconds] of this.directoryTimes) {
      await using place = await resolveInRoot(this.root, path);
      await change.times(place.parent.path(place.name), seconds, seconds);
    }
  }

  async close(): Promise<void> {
    await this.parent?.handle.close();
  }

  private async make(member: TarMember, path: ByteString, parent: DirectoryHandle): Promise<void> {
    const name = path.slice(path.lastIndexOf('/') + 1);
    switch (member.type) {
      case 'directory':
        await this.makeDirectory(member, path, parent);
        return;
      case 'file':
        await clear(parent, name);
        await this.makeFile(member, parent.path(name));
        return;
      case 'symlink':
        await clear(parent, name);
        await make.symlink(Buffer.from(member.linkName, 'latin1'), parent.path(name));
        await change.owner(parent.path(name), member.uid, member.gid);
        await change.times(parent.path(name), member.mtimeSeconds, member.mtimeSeconds);
        return;
      case 'link':
        await this.makeLink(member, parent, name);
        return;
      case 'fifo':
        await this.special.add({ ...member, path });
        return;
      case 'character-device':
      case 'block-device':
        this.skippedDevices += 1;
        return;
    }
  }

  private async makeDirectory(
    member: TarMember,
    path: ByteString,
    parent: DirectoryHandle,
  ): Promise<void> {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const target = parent.path(name);
    const present = await lstatIfAny(parent, name);
    if (present !== null && !present.isDirectory()) await removeName(target);
    if (present === null || !present.isDirectory()) await make.directory(target, 0o700);
    await change.owner(target, member.uid, member.gid);
    await change.mode(target, member.mode);
    this.directoryTimes.set(path, member.mtimeSeconds);
  }

  private async makeFile(member: TarMember, target: Buffer): Promise<void> {
    const fd = await make.file(target, 'wx', 0o600);
    try {
      for await (const chunk of member.content) {
        for (let done = 0; done < chunk.length;) {
          done += (await writeFile(fd, chunk, done)).bytesWritten;
        }
      }
      await change.fileOwner(fd, member.uid, member.gid);
      await change.fileMode(fd, member.mode);
      await change.fileTimes(fd, member.mtimeSeconds, member.mtimeSeconds);
    } finally {
      await closeFile(fd);
    }
    this.sizeBytes += member.size;
  }

  private async makeLink(
    member: TarMember,
    parent: DirectoryHandle,
    name: ByteString,
  ): Promise<void> {
    await using target = await resolveInRoot(this.root, componentsOf(member.linkName).join('/'));
    await clear(parent, name);
    await make.link(target.parent.path(target.name), parent.path(name));
  }

  private async setRoot(member: TarMember): Promise<void> {
    if (member.type !== 'directory') return;
    await change.mode(this.root.self, member.mode);
  }

  /** The directory of these components, made where missing; the last one is kept open. */
  private async enter(parts: readonly ByteString[]): Promise<DirectoryHandle> {
    const path = parts.join('/');
    if (this.parent?.path === path) return this.parent.handle;
    await this.parent?.handle.close();
    this.parent = undefined;
    const handle = await this.openParent(parts);
    this.parent = { path, handle };
    return handle;
  }

  private async openParent(parts: readonly ByteString[]): Promise<DirectoryHandle> {
    if (parts.length === 0) return this.root.duplicate();
    try {
      await using place = await resolveInRoot(this.root, parts.join('/'), { followLast: true });
      return await place.parent.openChild(place.name);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    await using place = await this.resolveMaking(parts);
    return await place.parent.openChild(place.name);
  }

  private async resolveMaking(parts: readonly ByteString[]): Promise<ResolvedPath> {
    for (let depth = 1; depth <= parts.length; depth += 1) {
      await using place = await resolveInRoot(this.root, parts.slice(0, depth).join('/'), {
        followLast: true,
      });
      if (place.name !== '.' && (await lstatIfAny(place.parent, place.name)) === null) {
        await make.directory(place.parent.path(place.name), 0o755);
      }
    }
    return resolveInRoot(this.root, parts.join('/'), { followLast: true });
  }

  private async exists(path: ByteString): Promise<boolean> {
    try {
      await using place = await resolveInRoot(this.root, path);
      return (await lstatIfAny(place.parent, place.name)) !== null;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
      throw error;
    }
  }
}

async function lstatIfAny(parent: DirectoryHandle, name: ByteString): Promise<Stats | null> {
  try {
    return await parent.lstat(name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Frees the name for something that is no directory. */
async function clear(parent: DirectoryHandle, name: ByteString): Promise<void> {
  const present = await lstatIfAny(parent, name);
  if (present === null) return;
  if (present.isDirectory()) await removeTree(parent.path(name));
  else await removeName(parent.path(name));
}

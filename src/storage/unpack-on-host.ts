import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  chown,
  lchown,
  link,
  lutimes,
  mkdir,
  open,
  rename,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { errnoOf, WarrenError } from '../base/errors.js';
import type { ByteString } from '../base/tar/tar-header.js';
import { readTar, type TarMember } from '../base/tar/tar-reader.js';
import { DirectoryHandle } from '../host/tree/directory-handle.js';

export interface UnpackRequest {
  /** An existing directory of the host. */
  readonly directory: string;
  /** Gives the first component of every member another name. */
  readonly rename?: { readonly from: string; readonly to: string };
  /** Give files the ids that the archive says; otherwise they belong to whoever unpacks. */
  readonly keepOwners: boolean;
}

/** setuid and setgid come from the container's side: a file that belongs to root here must not have them. */
const permissionBits = 0o777;

function hostile(name: ByteString): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'ARCHIVE_HOSTILE',
    `Cannot unpack archive: ${JSON.stringify(name.slice(0, 200))} would lead outside`,
  );
}

/** Components of a member's name, renamed; none for the archive's root. */
function componentsOf(name: ByteString, request: UnpackRequest): ByteString[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || name.includes('\0')) throw hostile(name);
  const { rename } = request;
  if (rename !== undefined && parts[0] === Buffer.from(rename.from, 'utf8').toString('latin1')) {
    parts[0] = Buffer.from(rename.to, 'utf8').toString('latin1');
  }
  return parts;
}

/** Opens the directory of a name, component by component and never through a link. */
async function openParent(
  root: DirectoryHandle,
  parts: readonly ByteString[],
): Promise<DirectoryHandle> {
  let current = await root.duplicate();
  for (const part of parts.slice(0, -1)) {
    const parent = current;
    try {
      current = await parent.openChild(part);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ELOOP' || errno === 'ENOTDIR') throw hostile(parts.join('/'));
      throw error;
    } finally {
      await parent.close();
    }
  }
  return current;
}

interface Place {
  readonly parent: DirectoryHandle;
  readonly name: ByteString;
}

async function existing({ parent, name }: Place): Promise<Stats | null> {
  try {
    return await parent.lstat(name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** True when something is there, which is no directory. */
async function requireNoDirectory(place: Place): Promise<boolean> {
  const stats = await existing(place);
  if (stats?.isDirectory() !== true) return stats !== null;
  const name = Buffer.from(place.name, 'latin1').toString('utf8');
  throw new WarrenError(
    'conflict',
    'DIRECTORY_IN_THE_WAY',
    `Cannot replace the directory ${name} by a file`,
  );
}

/** Makes room for something that is no directory. */
async function clear(place: Place): Promise<void> {
  if (await requireNoDirectory(place)) await unlink(place.parent.path(place.name));
}

async function makeDirectory(place: Place): Promise<void> {
  const stats = await existing(place);
  if (stats?.isDirectory() === true) return;
  if (stats !== null) await unlink(place.parent.path(place.name));
  await mkdir(place.parent.path(place.name), 0o700);
}

/**
 * Attributes are set through the open file: a name could become a link meanwhile. It gets its name when it is complete: where
 * that fails, what had the name stays.
 */
async function makeFile(
  { parent, name }: Place,
  member: TarMember,
  keepOwners: boolean,
): Promise<void> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const next = parent.path(`.warren-new-${randomBytes(8).toString('hex')}`);
  const file = await open(next, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    for await (const chunk of member.content) await file.writeFile(chunk);
    if (keepOwners) await file.chown(member.uid, member.gid);
    await file.chmod(member.mode & permissionBits);
    await file.utimes(member.mtimeSeconds, member.mtimeSeconds);
    await rename(next, parent.path(name));
  } catch (error) {
    await unlink(next);
    throw error;
  } finally {
    await file.close();
  }
}

async function makeLink(
  { parent, name }: Place,
  member: TarMember,
  keepOwners: boolean,
): Promise<void> {
  const path = parent.path(name);
  await symlink(Buffer.from(member.linkName, 'latin1'), path);
  if (keepOwners) await lchown(path, member.uid, member.gid);
  await lutimes(path, member.mtimeSeconds, member.mtimeSeconds);
}

/** Through the open directory, for the same reason. */
async function finishDirectory(
  { parent, name }: Place,
  member: TarMember,
  keepOwners: boolean,
): Promise<void> {
  await using directory = await parent.openChild(name);
  if (keepOwners) await chown(directory.self, member.uid, member.gid);
  await chmod(directory.self, member.mode & permissionBits);
  await utimes(directory.self, member.mtimeSeconds, member.mtimeSeconds);
}

/** Unpacks one archive; each member's names are looked up anew, below the open root. */
class Unpacker {
  readonly #root: DirectoryHandle;
  readonly #request: UnpackRequest;
  readonly #skipped: string[] = [];
  /** Directories get their times last: what is made in them changes those. */
  readonly #directories: { readonly parts: readonly ByteString[]; readonly member: TarMember }[] =
    [];

  constructor(root: DirectoryHandle, request: UnpackRequest) {
    this.#root = root;
    this.#request = request;
  }

  async run(archive: AsyncIterable<Buffer>): Promise<readonly string[]> {
    for await (const member of readTar(archive)) await this.#member(member);
    for (const { parts, member } of this.#directories.reverse()) {
      await using parent = await openParent(this.#root, parts);
      await finishDirectory({ parent, name: parts.at(-1) ?? '' }, member, this.#request.keepOwners);
    }
    return this.#skipped;
  }

  async #member(member: TarMember): Promise<void> {
    const parts = componentsOf(member.path, this.#request);
    const name = parts.at(-1);
    if (name === undefined) return;
    await using parent = await openParent(this.#root, parts);
    const place = { parent, name };
    const { keepOwners } = this.#request;
    switch (member.type) {
      case 'directory':
        await makeDirectory(place);
        this.#directories.push({ parts, member });
        return;
      case 'file':
        await requireNoDirectory(place);
        await makeFile(place, member, keepOwners);
        return;
      case 'symlink':
        await clear(place);
        await makeLink(place, member, keepOwners);
        return;
      case 'link':
        await clear(place);
        await this.#link(place, member);
        return;
      case 'character-device':
      case 'block-device':
      case 'fifo':
        this.#skipped.push(Buffer.from(member.path, 'latin1').toString('utf8'));
    }
  }

  async #link(place: Place, member: TarMember): Promise<void> {
    const parts = componentsOf(member.linkName, this.#request);
    const name = parts.at(-1);
    if (name === undefined) throw hostile(member.linkName);
    await using parent = await openParent(this.#root, parts);
    await link(parent.path(name), place.parent.path(place.name));
  }
}

/**
 * Unpacks an archive that a container made below a directory of the host. Nothing leads outside: no link on the way
 * is followed, setuid and setgid are dropped, devices and FIFOs are left out. Returns the names of those.
 *
 * @throws WarrenError corrupt, invalidArgument (ARCHIVE_HOSTILE), conflict (DIRECTORY_IN_THE_WAY)
 */
export async function unpackOnHost(
  archive: AsyncIterable<Buffer>,
  request: UnpackRequest,
): Promise<readonly string[]> {
  await using root = await DirectoryHandle.open(request.directory);
  return await new Unpacker(root, request).run(archive);
}

import { close, type BigIntStats } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from '../../../base/errors.js';
import type { ByteString, TarEntry } from '../../../base/tar/tar-header.js';
import type { DirectoryHandle } from '../../../host/tree/directory-handle.js';
import { readNames } from '../../../host/tree/read-names.js';
import { resolveInRoot, type ResolvedPath } from '../../../host/tree/resolve-in-root.js';
import { contentOf, modificationTime, tarTypeOf } from '../../../host/tree/tar-facts.js';
import { readTreeAttributes, type TreeAttributes } from '../../../host/tree/tree-attributes.js';
import type { Host } from '../../../host/port.js';
import { isLayerAttribute } from '../../../image/layer/layer-names.js';
import { globExpression, hasGlob } from '../../../image/dockerfile/glob.js';
import type { IgnoreRule } from '../../../image/dockerfile/ignore.js';

const closeFile = promisify(close);

/** A tree that COPY and ADD take files from: the context, or a stage. */
export interface CopySource {
  readonly root: DirectoryHandle;
  readonly host: Pick<Host, 'run'>;
  /** Those that were read, by the path that the user named. */
  readonly attributes: Map<string, TreeAttributes>;
  readonly ignores: IgnoreRule;
  /** Some rule brings back what is below an ignored directory. */
  readonly hasExceptions: boolean;
  /** Files keep their owners; those of the context belong to root. */
  readonly keepOwners: boolean;
}

/** A file as it is copied; its path is that below what the user named, empty for that itself. */
export interface SourceFile {
  readonly entry: TarEntry;
  /** Of regular files; to be read at most once, before the next file. */
  readonly content: AsyncIterable<Buffer> | null;
}

/** Paths of the tree that a pattern of the user fits, sorted. Nothing is found outside of the tree. */
export async function matches(source: CopySource, pattern: string): Promise<readonly string[]> {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  let found: string[] = [''];
  for (const part of parts) {
    const next: string[] = [];
    for (const path of found) next.push(...(await below(source, path, part)));
    found = next;
  }
  return found.filter((path) => path === '' || !source.ignores(path)).sort();
}

async function below(source: CopySource, path: string, part: string): Promise<readonly string[]> {
  const join = (name: string): string => (path === '' ? name : `${path}/${name}`);
  const bytes = (text: string): ByteString => Buffer.from(text, 'utf8').toString('latin1');
  const expression = hasGlob(part) ? globExpression(part) : null;
  try {
    await using place = await resolveInRoot(source.root, bytes(join(expression === null ? part : '.')), {
      followLast: true,
    });
    if (expression === null) {
      if (place.name !== '.') await place.parent.lstat(place.name);
      return [join(part)];
    }
    await using directory = await place.parent.openChild(place.name);
    const names: string[] = [];
    for await (const name of readNames(directory)) {
      const text = Buffer.from(name, 'latin1').toString('utf8');
      if (expression.test(text)) names.push(join(text));
    }
    return names;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

/** What is at a path, and everything below it, parents first, by name. A link that the user names is followed. */
export async function* filesOf(source: CopySource, path: string): AsyncGenerator<SourceFile> {
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  await using place = await resolveInRoot(source.root, bytes, { followLast: true });
  let attributes = source.attributes.get(path);
  if (attributes === undefined) {
    attributes = await attributesAt(source, place);
    source.attributes.set(path, attributes);
  }
  const from = { name: place.name, full: bytes, path: '' };
  yield* walk({ ...source, of: attributes }, place.parent, from);
}

/** Extended attributes of what the user named, and of everything below it, by the path below it. */
async function attributesAt(
  { host }: CopySource,
  { parent, name }: Pick<ResolvedPath, 'parent' | 'name'>,
): Promise<TreeAttributes> {
  const stats = await parent.lstat(name);
  if (stats.isDirectory()) {
    await using directory = await parent.openChild(name);
    return await readTreeAttributes(host, openedPath(directory.fd));
  }
  if (!stats.isFile()) return new Map();
  const fd = await parent.openRegular(name);
  try {
    return await readTreeAttributes(host, openedPath(fd));
  } finally {
    await closeFile(fd);
  }
}

/** A descriptor of ours as a program that we run may open it. */
function openedPath(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`;
}

interface Walked extends CopySource {
  readonly of: TreeAttributes;
}

interface WalkPlace {
  readonly name: ByteString;
  /** In the tree, for rules. */
  readonly full: ByteString;
  /** Below what the user named. */
  readonly path: ByteString;
}

async function* walk(
  source: Walked,
  parent: DirectoryHandle,
  place: WalkPlace,
): AsyncGenerator<SourceFile> {
  const stats = await parent.lstatBig(place.name);
  const type = tarTypeOf(stats);
  if (type === null || type === 'character-device' || type === 'block-device') return;
  const shown = Buffer.from(place.full, 'latin1').toString('utf8');
  const ignored = place.path !== '' && source.ignores(shown);
  const size = type === 'file' ? Number(stats.size) : 0;
  const linkName = type === 'symlink' ? await parent.readlink(place.name) : '';
  const entry: TarEntry = {
    ...entryOf(source, stats),
    path: place.path,
    type,
    size,
    linkName,
    xattrs: layerAttributes(source.of.get(place.path === '' ? '' : `/${place.path}`)),
  };
  if (ignored && !(type === 'directory' && source.hasExceptions)) return;
  if (type === 'file') {
    yield { entry, content: openedContent(parent, place.name, size) };
    return;
  }
  if (!ignored) yield { entry, content: null };
  if (type !== 'directory') return;
  await using directory = await parent.openChild(place.name);
  const names: ByteString[] = [];
  for await (const name of readNames(directory)) names.push(name);
  const below = (path: ByteString, name: ByteString): ByteString =>
    path === '' ? name : `${path}/${name}`;
  for (const name of names.sort()) {
    const next = { name, full: below(place.full, name), path: below(place.path, name) };
    yield* walk(source, directory, next);
  }
}

/** Opened when it is read: most files are only looked at. */
async function* openedContent(
  parent: DirectoryHandle,
  name: ByteString,
  size: number,
): AsyncGenerator<Buffer> {
  const fd = await parent.openRegular(name);
  yield* contentOf(fd, { size, before: Buffer.alloc(0) });
}

function entryOf(source: CopySource, stats: BigIntStats): Omit<TarEntry, 'path' | 'type' | 'size'> {
  return {
    mode: Number(stats.mode & 0o7777n),
    uid: source.keepOwners ? Number(stats.uid) : 0,
    gid: source.keepOwners ? Number(stats.gid) : 0,
    ...modificationTime(stats),
  };
}

/** Overlay's own marks are not the file's. */
function layerAttributes(
  found: ReadonlyMap<ByteString, Buffer> = new Map(),
): ReadonlyMap<ByteString, Buffer> {
  return new Map([...found].filter(([name]) => isLayerAttribute(name)));
}

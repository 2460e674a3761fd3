import { WarrenError } from '../../base/errors.js';
import type { ByteString } from '../../base/tar/tar-header.js';
import type { DirectoryHandle } from './directory-handle.js';

export interface ResolvedPath extends AsyncDisposable {
  /** The directory that holds the last component; owned, closed by dispose. */
  readonly parent: DirectoryHandle;
  /** Last component; `.` when the path is the root itself. */
  readonly name: ByteString;
  /** As resolved: absolute inside the root, without links, except perhaps the last component. */
  readonly path: ByteString;
}

export interface ResolveOptions {
  /** A link in the last place is followed. @default false */
  readonly followLast?: boolean;
}

/** As the kernel's own bounds. */
const maximumLinks = 40;
const maximumPathBytes = 4096;
const maximumDepth = 512;

/**
 * Resolves a path the way a process whose root is `root` would, one component at a time, so that no
 * link and no concurrent rename leads outside. Magic links of a `proc` below count as the text they
 * show. The last component need not exist. Throws Node's ENOENT and ENOTDIR for the others, and
 * invalidArgument (PATH_TOO_LONG, TOO_MANY_LINKS).
 */
export async function resolveInRoot(
  root: DirectoryHandle,
  path: ByteString,
  options: ResolveOptions = {},
): Promise<ResolvedPath> {
  const walk = new Walk(path, options.followLast ?? false);
  try {
    await walk.start(root);
    for (;;) {
      const resolved = await walk.step();
      if (resolved !== null) return resolved;
    }
  } catch (error) {
    await walk.closeAll();
    throw error;
  }
}

interface Level {
  readonly name: ByteString;
  readonly directory: DirectoryHandle;
}

class Walk {
  private pending: ByteString[];
  private readonly levels: Level[] = [];
  private links = 0;
  private readonly shown: ByteString;
  private readonly followLast: boolean;

  constructor(path: ByteString, followLast: boolean) {
    if (path.length > maximumPathBytes || path.includes('\0')) throw tooLong(path);
    this.shown = path;
    this.followLast = followLast;
    this.pending = componentsOf(path);
  }

  async start(root: DirectoryHandle): Promise<void> {
    this.levels.push({ name: '', directory: await root.duplicate() });
  }

  /** Takes one component; the result when it was the last. */
  async step(): Promise<ResolvedPath | null> {
    const name = this.pending.shift();
    if (name === undefined) return this.finish('.');
    if (name === '..') {
      if (this.levels.length > 1) await this.levels.pop()?.directory.close();
      return null;
    }
    const last = this.pending.length === 0;
    const target = last && !this.followLast ? null : await this.linkTarget(name);
    if (target !== null) {
      await this.follow(target);
      return null;
    }
    if (last) return this.finish(name);
    if (this.levels.length >= maximumDepth) throw tooLong(this.shown);
    this.levels.push({ name, directory: await this.here().openChild(name) });
    return null;
  }

  async closeAll(): Promise<void> {
    for (const { directory } of this.levels.splice(0)) await directory.close();
  }

  private here(): DirectoryHandle {
    const level = this.levels.at(-1);
    if (level === undefined) throw new Error('The walk has ended');
    return level.directory;
  }

  private async linkTarget(name: ByteString): Promise<ByteString | null> {
    try {
      const stats = await this.here().lstat(name);
      return stats.isSymbolicLink() ? await this.here().readlink(name) : null;
    } catch (error) {
      if (this.pending.length === 0 && isMissing(error)) return null;
      throw error;
    }
  }

  private async follow(target: ByteString): Promise<void> {
    this.links += 1;
    if (this.links > maximumLinks) {
      throw new WarrenError(
        'invalidArgument',
        'TOO_MANY_LINKS',
        `Cannot resolve ${printable(this.shown)}: too many symbolic links`,
      );
    }
    this.pending = [...componentsOf(target), ...this.pending];
    if (!target.startsWith('/')) return;
    while (this.levels.length > 1) await this.levels.pop()?.directory.close();
  }

  private async finish(name: ByteString): Promise<ResolvedPath> {
    const names = this.levels.slice(1).map((level) => level.name);
    const parent = this.levels.pop()?.directory;
    if (parent === undefined) throw new Error('The walk has ended');
    await this.closeAll();
    const path = `/${[...names, ...(name === '.' ? [] : [name])].join('/')}`;
    return { parent, name, path, [Symbol.asyncDispose]: () => parent.close() };
  }
}

function componentsOf(path: ByteString): ByteString[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function printable(path: ByteString): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

function tooLong(path: ByteString): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'PATH_TOO_LONG',
    `Cannot resolve ${printable(path.slice(0, 64))}…: the path is too long`,
  );
}

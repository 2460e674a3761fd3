import { Readable } from 'node:stream';
import { errnoOf, WarrenError } from '../base/errors.js';
import { tarEnd, type ByteString } from '../base/tar/tar-header.js';
import type { Host } from '../host/port.js';
import type { RecordIds } from '../host/tree/apply-records.js';
import { DirectoryHandle } from '../host/tree/directory-handle.js';
import { resolveInRoot, type ResolvedPath } from '../host/tree/resolve-in-root.js';
import { type AccessWatch, StallWatch, unwatched } from '../host/tree/stall-watch.js';
import type { ContainerFiles, PreparedLayer } from './driver.js';
import { extractArchive } from './extract-archive.js';
import { openMergedView } from './merged-view.js';
import { tarTree } from './tar-tree.js';

export type FilesTarget =
  /** A process inside; `ids` null with the host's user namespace. */
  | { readonly state: 'running'; readonly pid: number; readonly ids: RecordIds | null }
  /** Its layers, store-relative, top first; the caller holds the container's lock. */
  | {
      readonly state: 'stopped';
      readonly writable: PreparedLayer;
      readonly layers: readonly string[];
    };

export interface ContainerFilesOptions {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
}

interface OpenRoot extends AsyncDisposable {
  readonly root: DirectoryHandle;
  readonly path: string;
  readonly ids: RecordIds | null;
}

type StatResult = Awaited<ReturnType<ContainerFiles['stat']>>;

/** The files of one container, for as long as the target describes it. */
export function openContainerFiles(
  options: ContainerFilesOptions,
  target: FilesTarget,
): ContainerFiles {
  return new FilesOfContainer(options, target);
}

class FilesOfContainer implements ContainerFiles {
  private readonly options: ContainerFilesOptions;
  private readonly target: FilesTarget;
  private readonly watch: AccessWatch;

  constructor(options: ContainerFilesOptions, target: FilesTarget) {
    this.options = options;
    this.target = target;
    this.watch =
      target.state === 'running' ? new StallWatch({ ...target, host: options.host }) : unwatched;
  }

  async archive(path: string, options: { readonly followLink: boolean }): Promise<Readable> {
    const memberName = memberNameOf(path);
    return this.watch.during(async () => {
      const open = await this.openRoot('read');
      const place = await this.resolve(open, path, options.followLink);
      const names = { name: place.name, memberName, oneFileSystem: false };
      return streamOf(this.watch.stream(archiveOf(open, place, names)));
    });
  }

  async export(): Promise<Readable> {
    return this.watch.during(async () => {
      const open = await this.openRoot('read');
      const place = await this.resolve(open, '/', false);
      const names = { name: '.', memberName: '', oneFileSystem: true };
      return streamOf(this.watch.stream(archiveOf(open, place, names)));
    });
  }

  async extract(
    path: string,
    archive: Readable,
    options: { readonly overwriteDirWithFile: boolean },
  ): Promise<void> {
    await using open = await this.openRoot('write');
    const find = async (): Promise<ResolvedPath> => resolvePresent(open.root, path, true);
    await using place = await this.watch.during(find);
    const stats = await this.watch.during(() => place.parent.lstat(place.name));
    if (!stats.isDirectory()) {
      throw new WarrenError(
        'invalidArgument',
        'NOT_A_DIRECTORY',
        `Cannot copy into ${path}: it is not a directory`,
      );
    }
    await extractArchive(archive as AsyncIterable<Buffer>, {
      ...this.options,
      root: open.path,
      directory: place.path,
      ids: open.ids,
      watch: this.watch,
      overwriteDirWithFile: options.overwriteDirWithFile,
    });
  }

  async stat(path: string): Promise<StatResult> {
    return this.watch.during(() => this.describe(path));
  }

  private async describe(path: string): Promise<StatResult> {
    await using open = await this.openRoot('read');
    await using place = await resolvePresent(open.root, path, false);
    const stats = await place.parent.lstat(place.name);
    return {
      name: baseName(path),
      size: stats.size,
      mode: stats.mode,
      mtimeMs: stats.mtimeMs,
      linkTarget: stats.isSymbolicLink() ? await linkTarget(open.root, place) : '',
    };
  }

  private async resolve(open: OpenRoot, path: string, followLast: boolean): Promise<ResolvedPath> {
    try {
      return await resolvePresent(open.root, path, followLast || /\/\.?$/.test(path));
    } catch (error) {
      await open[Symbol.asyncDispose]();
      throw error;
    }
  }

  private async openRoot(access: 'read' | 'write'): Promise<OpenRoot> {
    const { target } = this;
    if (target.state === 'stopped') {
      const { upper, work } = target.writable;
      const view = await openMergedView({
        ...this.options,
        ...(access === 'write'
          ? { layers: target.layers, writable: { upper, work } }
          : { layers: [upper, ...target.layers] }),
      });
      return { ...view, ids: null };
    }
    const path = `/proc/${target.pid}/root`;
    const root = await DirectoryHandle.open(path);
    return { root, path, ids: target.ids, [Symbol.asyncDispose]: () => root.close() };
  }
}

interface ArchiveNames {
  readonly name: ByteString;
  readonly memberName: ByteString;
  readonly oneFileSystem: boolean;
}

/** Owns the root and the place, and lets them go with the stream. */
async function* archiveOf(
  open: OpenRoot,
  place: ResolvedPath,
  { name, memberName, oneFileSystem }: ArchiveNames,
): AsyncGenerator<Buffer> {
  await using _root = open;
  await using owned = place;
  yield* tarTree(owned.parent, { name, memberName }, { ids: open.ids, oneFileSystem });
  yield tarEnd;
}

function streamOf(chunks: AsyncIterable<Buffer>): Readable {
  return Readable.from(chunks, { objectMode: false });
}

/** Throws notFound (PATH_NOT_FOUND) unless something is there. */
async function resolvePresent(
  root: DirectoryHandle,
  path: string,
  followLast: boolean,
): Promise<ResolvedPath> {
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  let place: ResolvedPath | undefined;
  try {
    place = await resolveInRoot(root, bytes, { followLast });
    await place.parent.lstat(place.name);
    return place;
  } catch (error) {
    await place?.parent.close();
    const code = errnoOf(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new WarrenError(
      'notFound',
      'PATH_NOT_FOUND',
      `Could not find the file ${path} in the container`,
      { cause: error },
    );
  }
}

/** Where a link leads, as an absolute path inside; its text when it leads nowhere. */
async function linkTarget(root: DirectoryHandle, place: ResolvedPath): Promise<string> {
  try {
    await using target = await resolveInRoot(root, place.path, { followLast: true });
    return Buffer.from(target.path, 'latin1').toString('utf8');
  } catch {
    // Dangling in the middle, a loop: the text is all there is to say.
    const text = await place.parent.readlink(place.name);
    return Buffer.from(text, 'latin1').toString('utf8');
  }
}

/** What a path is called: `/` is called `/`, as Docker has it. */
function baseName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.at(-1) ?? '/';
}

/** Name of the first member: a path that ends in `/.` stands for its content. */
function memberNameOf(path: string): ByteString {
  const base = baseName(path);
  const contentOnly = path.endsWith('/.') || base === '/' || base === '..';
  return contentOnly ? '.' : Buffer.from(base, 'utf8').toString('latin1');
}

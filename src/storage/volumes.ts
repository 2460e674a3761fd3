import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf, WarrenError } from '../base/errors.js';
import { tarEnd } from '../base/tar/tar-header.js';
import type { Host } from '../host/port.js';
import { lockAcrossProcesses } from '../host/process-lock.js';
import { resolveInRoot, type ResolvedPath } from '../host/tree/resolve-in-root.js';
import { unwatched } from '../host/tree/stall-watch.js';
import { extractArchive } from './extract-archive.js';
import { openMergedView } from './merged-view.js';
import { tarTree } from './tar-tree.js';
import { treeSize } from './tree-size.js';

export interface VolumeDirectoriesOptions {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
}

/** The image's content that an empty volume starts with. */
export interface VolumeContent {
  /** The image's layers, store-relative, top first. */
  readonly layers: readonly string[];
  /** Where the volume is mounted: absolute inside the container. */
  readonly target: string;
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** Directories of named volumes, `<data root>/volumes/<name>/_data`. Which volumes there are, the records say. */
export class VolumeDirectories {
  private readonly options: VolumeDirectoriesOptions;
  private readonly directory: string;

  constructor(options: VolumeDirectoriesOptions) {
    this.options = options;
    this.directory = join(options.dataRoot, 'volumes');
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    mkdirSync(join(options.dataRoot, 'trash'), { recursive: true, mode: 0o700 });
  }

  /** Store-relative. Throws invalidArgument (INVALID_VOLUME_NAME). */
  relativePath(name: string): string {
    if (!namePattern.test(name)) {
      throw new WarrenError(
        'invalidArgument',
        'INVALID_VOLUME_NAME',
        `Cannot use volume name ${JSON.stringify(name)}: only letters, digits, _ . - are allowed, 128 at most`,
      );
    }
    return join('volumes', name, '_data');
  }

  /** Makes the directory; nothing happens when it is there. */
  make(name: string): void {
    const data = this.path(name);
    if (existsSync(data)) return;
    mkdirSync(data, { recursive: true, mode: 0o755 });
    chmodSync(data, 0o755);
  }

  /**
   * Copies what the image has at the mount's target into an empty volume, with owners and modes, as Docker does at
   * the first mount. Of several callers one copies and the others wait; a copy that a crash cut short is made anew.
   */
  async populate(name: string, content: VolumeContent): Promise<void> {
    const data = this.path(name);
    const unfinished = join(this.directory, name, 'populating');
    if (readdirSync(data).length > 0 && !existsSync(unfinished)) return;
    await using _lock = await lockAcrossProcesses(join(this.directory, name), 'populate');
    if (existsSync(unfinished)) {
      renameSync(data, this.newGrave());
      this.make(name);
    }
    if (readdirSync(data).length > 0) return;
    writeFileSync(unfinished, '');
    await this.copy(data, content);
    rmSync(unfinished);
  }

  async size(name: string): Promise<number> {
    return treeSize(this.path(name));
  }

  /** Takes the directory away at once; the storage driver's `emptyTrash` frees the space. */
  remove(name: string): void {
    this.relativePath(name);
    try {
      renameSync(join(this.directory, name), this.newGrave());
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** Names of the directories, for the leak check. */
  found(): readonly string[] {
    return readdirSync(this.directory);
  }

  private path(name: string): string {
    return join(this.options.dataRoot, this.relativePath(name));
  }

  private newGrave(): string {
    return join(this.options.dataRoot, 'trash', `volume-${randomBytes(8).toString('hex')}`);
  }

  private async copy(data: string, { layers, target }: VolumeContent): Promise<void> {
    if (layers.length === 0) return;
    await using view = await openMergedView({ ...this.options, layers });
    const found = await this.find(view.root, target);
    if (found === null) return;
    await using place = found;
    const stats = await place.parent.lstat(place.name);
    if (!stats.isDirectory()) return;
    chownSync(data, stats.uid, stats.gid);
    chmodSync(data, stats.mode & 0o7777);
    await extractArchive(contentOf(place), {
      ...this.options,
      root: data,
      directory: '/',
      ids: null,
      watch: unwatched,
      overwriteDirWithFile: false,
    });
  }

  private async find(
    root: Parameters<typeof resolveInRoot>[0],
    target: string,
  ): Promise<ResolvedPath | null> {
    const path = Buffer.from(target, 'utf8').toString('latin1');
    let place: ResolvedPath | undefined;
    try {
      place = await resolveInRoot(root, path, { followLast: true });
      await place.parent.lstat(place.name);
      return place;
    } catch (error) {
      await place?.parent.close();
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
      throw error;
    }
  }
}

async function* contentOf(place: ResolvedPath): AsyncGenerator<Buffer> {
  const options = { ids: null, oneFileSystem: true };
  yield* tarTree(place.parent, { name: place.name, memberName: '' }, options);
  yield tarEnd;
}

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errnoOf, WarrenError } from '../base/errors.js';
import { chunks, mapBounded } from '../base/limit.js';
import type { Host } from '../host/port.js';
import { removeAbandoned } from '../host/temporary-directory.js';
import { removeTree } from '../host/tree/remove-tree.js';
import { diffLayer } from './diff.js';
import type { Change, PreparedLayer, StorageDriver, StoreFile } from './driver.js';
import { extractPrefix } from './extract-archive.js';
import { mountPointsPrefix } from './mount-points.js';
import { treeSize } from './tree-size.js';

export interface StorageOptions {
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
}

/** Ids come from records; the check keeps a damaged one from leaving the directory. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

const concurrentRemovals = 8;
/** Between these many the event loop has its turn. */
const removalsPerTurn = 32;

/** What a container that wrote nothing leaves beside files: these, the deepest first. */
const bareDirectories = ['work/work', 'work', 'upper', 'log'];

/** Opens the driver for overlay: writable layers are plain directories, merged by the keeper at launch. */
export function openStorage(options: StorageOptions): StorageDriver {
  const driver = new OverlayDriver(options);
  driver.initialize();
  return driver;
}

/**
 * File calls are synchronous where they are few and short: a promise costs more than the call, and
 * thousands of containers are prepared in one batch.
 */
class OverlayDriver implements StorageDriver {
  private readonly dataRoot: string;
  private readonly host: Pick<Host, 'run'>;
  private emptying: Promise<void> | undefined;

  constructor({ dataRoot, host }: StorageOptions) {
    this.dataRoot = dataRoot;
    this.host = host;
  }

  initialize(): void {
    for (const name of ['containers', 'trash']) {
      mkdirSync(join(this.dataRoot, name), { recursive: true, mode: 0o700 });
    }
  }

  async prepare(id: string): Promise<PreparedLayer> {
    const directory = this.directory(id);
    mkdirSync(directory, { mode: 0o700 });
    try {
      for (const name of ['upper', 'work', 'log'])
        mkdirSync(join(directory, name), { mode: 0o700 });
      // The upper directory is the container's "/": its mode must not depend on our umask.
      chmodSync(join(directory, 'upper'), 0o755);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    return this.layer(id);
  }

  async writeFiles(id: string, files: readonly StoreFile[]): Promise<void> {
    for (const { name, content } of files) {
      if (!idPattern.test(name)) throw invalidName(name);
      const path = join(this.directory(id), name);
      writeFileSync(path, content);
      chmodSync(path, 0o644);
    }
  }

  async remove(id: string): Promise<void> {
    const grave = join(this.dataRoot, 'trash', `${id}-${randomBytes(6).toString('hex')}`);
    try {
      renameSync(this.directory(id), grave);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** Calls while one is under way join it, and then look again for what came since. */
  async emptyTrash(): Promise<void> {
    const before = this.emptying ?? Promise.resolve();
    const next = before.then(() => this.removeTrash());
    this.emptying = next.catch(() => undefined);
    await next;
  }

  async size(id: string): Promise<number> {
    return treeSize(join(this.directory(id), 'upper'));
  }

  async diff(id: string, layers: readonly string[]): Promise<readonly Change[]> {
    const upper = join(this.directory(id), 'upper');
    if (!existsSync(upper)) {
      throw new WarrenError(
        'notFound',
        'NO_WRITABLE_LAYER',
        `Cannot compare container ${id}: it has no writable layer on disk`,
      );
    }
    return diffLayer({ upper, layers, dataRoot: this.dataRoot, host: this.host });
  }

  async found(): Promise<readonly string[]> {
    return readdirSync(join(this.dataRoot, 'containers'));
  }

  private async removeTrash(): Promise<void> {
    const trash = join(this.dataRoot, 'trash');
    for (const prefix of [extractPrefix, mountPointsPrefix])
      await removeAbandoned(join(this.dataRoot, 'tmp'), prefix);
    for (const names of chunks(readdirSync(trash), removalsPerTurn)) {
      await nextTurn();
      // Removing waits for the disk most of the time: several at once are faster by their number.
      await mapBounded(names, concurrentRemovals, async (name) => {
        const grave = join(trash, name);
        if (!removeBare(grave)) await removeTree(grave);
      });
    }
  }

  private layer(id: string): PreparedLayer {
    return { upper: join('containers', id, 'upper'), work: join('containers', id, 'work') };
  }

  private directory(id: string): string {
    if (!idPattern.test(id)) throw invalidName(id);
    return join(this.dataRoot, 'containers', id);
  }
}

/** False where anything else is left, or is in the way: `removeTree` takes that, and tells what it cannot remove. */
function removeBare(grave: string): boolean {
  try {
    for (const name of bareDirectories) rmdirSync(join(grave, name));
    for (const name of readdirSync(grave)) unlinkSync(join(grave, name));
    rmdirSync(grave);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

function invalidName(name: string): WarrenError {
  return new WarrenError(
    'corrupt',
    'INVALID_NAME',
    `Cannot use ${JSON.stringify(name)} as the name of a directory`,
  );
}

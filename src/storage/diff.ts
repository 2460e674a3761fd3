import type { Stats } from 'node:fs';
import { WarrenError } from '../base/errors.js';
import type { ByteString } from '../base/tar/tar-header.js';
import { nativeProgramPath } from '../host/native-path.js';
import type { Host } from '../host/port.js';
import { DirectoryHandle } from '../host/tree/directory-handle.js';
import { readNames } from '../host/tree/read-names.js';
import type { Change } from './driver.js';
import { openMergedView } from './merged-view.js';
import { unlessGone } from './tree-size.js';

export interface DiffRequest {
  /** Absolute path of the writable layer. */
  readonly upper: string;
  /** Store-relative, top first. */
  readonly layers: readonly string[];
  readonly dataRoot: string;
  readonly host: Pick<Host, 'run'>;
}

const maximumDepth = 512;

/**
 * What a writable layer changes against the layers below, sorted by path, as `docker diff` says it: a whiteout
 * is a deletion, a name that exists below a change, and every other one an addition. A directory that only
 * leads to changes counts as changed, as its copy in the layer has other times.
 */
export async function diffLayer(request: DiffRequest): Promise<readonly Change[]> {
  await using lower = request.layers.length === 0 ? null : await openMergedView(request);
  await using upper = await DirectoryHandle.open(request.upper);
  const changes: Change[] = [];
  const comparison = new Comparison(await opaqueDirectories(request), changes);
  await comparison.compare({ upper, lower: lower?.root ?? null, path: '', depth: 0 });
  return changes.sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** Directories that hide what is below; Node cannot read the attribute that says so. */
async function opaqueDirectories({ host, upper }: DiffRequest): Promise<ReadonlySet<ByteString>> {
  const result = await host.run(nativeProgramPath('warren-files'), ['opaque', upper], {
    maxOutputBytes: 64 * 1024 * 1024,
  });
  if (result.code !== 0) {
    throw new WarrenError(
      'internal',
      'DIFF_FAILED',
      `Cannot compare layers: ${result.stderr.trim()}`,
    );
  }
  const unescape = (line: string): ByteString =>
    line.replace(/%([0-9A-F]{2})/g, (_match, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
  return new Set(result.stdout.split('\n').slice(0, -1).map(unescape));
}

interface Level {
  readonly upper: DirectoryHandle;
  /** The same directory in the layers below; null when there is none. */
  readonly lower: DirectoryHandle | null;
  /** `/a/b`; empty at the root. */
  readonly path: ByteString;
  readonly depth: number;
}

class Comparison {
  private readonly opaque: ReadonlySet<ByteString>;
  private readonly changes: Change[];

  constructor(opaque: ReadonlySet<ByteString>, changes: Change[]) {
    this.opaque = opaque;
    this.changes = changes;
  }

  async compare(level: Level): Promise<void> {
    for await (const name of readNames(level.upper)) {
      const above = await unlessGone(level.upper.lstat(name));
      if (above === null) continue;
      const below = level.lower === null ? null : await unlessGone(level.lower.lstat(name));
      const path = `${level.path}/${name}`;
      if (isWhiteout(above)) {
        if (below !== null) this.note('deleted', path);
        continue;
      }
      if (below === null) this.note('added', path);
      else if (!isUnchanged(above, below)) this.note('changed', path);
      if (above.isDirectory()) await this.descend(level, name, below?.isDirectory() === true);
    }
    if (level.lower !== null && this.opaque.has(level.path)) await this.noteHidden(level);
  }

  private async descend(level: Level, name: ByteString, alsoBelow: boolean): Promise<void> {
    if (level.depth >= maximumDepth) return;
    const upper = await unlessGone(level.upper.openChild(name));
    if (upper === null) return;
    await using above = upper;
    const lower =
      alsoBelow && level.lower !== null ? await unlessGone(level.lower.openChild(name)) : null;
    try {
      const path = `${level.path}/${name}`;
      await this.compare({ upper: above, lower, path, depth: level.depth + 1 });
    } finally {
      await lower?.close();
    }
  }

  /** Names below that an opaque directory neither has itself nor shows. */
  private async noteHidden({ upper, lower, path }: Level): Promise<void> {
    if (lower === null) return;
    for await (const name of readNames(lower)) {
      if ((await unlessGone(upper.lstat(name))) === null) this.note('deleted', `${path}/${name}`);
    }
  }

  private note(kind: Change['kind'], path: ByteString): void {
    this.changes.push({ kind, path: Buffer.from(path, 'latin1').toString('utf8') });
  }
}

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

/** A directory that was copied up and not touched since. */
function isUnchanged(above: Stats, below: Stats): boolean {
  return (
    above.isDirectory() &&
    below.isDirectory() &&
    above.mtimeMs === below.mtimeMs &&
    above.mode === below.mode &&
    above.uid === below.uid &&
    above.gid === below.gid
  );
}

import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { IdRange } from '../../model/container.js';

const defaultDirectory = '/run/warren-ids';
const slotIds = 0x10000;

/** Files beside the claims. */
const aside = '.';

/**
 * Which data root of the machine uses which host ids: a file for each 65,536 of them, named after their number, that says the data
 * root. Those of a data root are links to one file. Making a link is atomic, so engines of different data roots never give out the
 * same, and takes no inode: to find a free one took a file system on disk up to 0.8 ms of every launch. The claims are of one boot;
 * what a data root that is gone had claimed is anybody's.
 */
export class IdClaims {
  readonly #dataRoot: string;
  readonly #directory: string;
  /** The file that the claims of the data root are. */
  readonly #claim: string;

  constructor(dataRoot: string, directory: string = defaultDirectory) {
    this.#dataRoot = dataRoot;
    this.#directory = directory;
    const digest = createHash('sha256').update(dataRoot).digest('hex');
    this.#claim = join(directory, `${aside}claim-${digest.slice(0, 32)}`);
  }

  /** False when another data root has some of these ids. What this one has already is fine. */
  claim(range: IdRange): boolean {
    const made: string[] = [];
    for (const name of slotsOf(range)) {
      const result = this.#claimSlot(name);
      if (result === 'made') made.push(name);
      if (result !== 'taken') continue;
      for (const undone of made) unlinkSync(join(this.#directory, undone));
      return false;
    }
    return true;
  }

  /** @throws WarrenError conflict (IDS_IN_USE) */
  require(range: IdRange, container: string): void {
    if (this.claim(range)) return;
    throw new WarrenError(
      'conflict',
      'IDS_IN_USE',
      `Cannot start container ${container}: another data root uses its ids (${range.base} and up)`,
      { hint: 'Give the engines different id pools, or create the container anew' },
    );
  }

  /** Gives back all that lies in none of the ranges. */
  keepOnly(ranges: readonly IdRange[]): void {
    const kept = new Set(ranges.flatMap(slotsOf));
    for (const name of this.#names()) {
      const path = join(this.#directory, name);
      if (kept.has(name) || (path === this.#claim && kept.size > 0)) continue;
      const owner = ownerOf(path);
      const isLeft = name.startsWith(aside) && owner !== null && !isDirectory(owner);
      if (owner === this.#dataRoot || isLeft) removeIfThere(path);
    }
  }

  #claimSlot(name: string): 'made' | 'own' | 'taken' {
    const path = join(this.#directory, name);
    for (;;) {
      try {
        linkSync(this.#claim, path);
        return 'made';
      } catch (error) {
        // A file has so many links at most (EMLINK); another one says the same.
        if (['ENOENT', 'EMLINK'].includes(errnoOf(error) ?? '')) this.#makeClaim();
        else if (errnoOf(error) !== 'EEXIST') throw error;
      }
      const owner = ownerOf(path);
      if (owner === this.#dataRoot) return 'own';
      if (owner !== null && isDirectory(owner)) return 'taken';
      if (owner !== null) this.#takeAway(path, owner);
    }
  }

  #makeClaim(): void {
    makeDirectory(this.#directory);
    const made = this.#unused();
    writeFileSync(made, this.#dataRoot, { flag: 'wx', mode: 0o600 });
    try {
      renameSync(made, this.#claim);
    } catch (error) {
      // Another process of the data root took it for left over, and gave up all claims.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  #unused(): string {
    return join(this.#directory, `${aside}${randomBytes(8).toString('hex')}`);
  }

  /** Of two that do so at once only one gets the link; a claim that came in between is put back. */
  #takeAway(path: string, owner: string): void {
    const away = this.#unused();
    try {
      renameSync(path, away);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    if (ownerOf(away) !== owner) renameSync(away, path);
    // Where it has come back as a link to the same file, the renaming does nothing (rename(2)).
    removeIfThere(away);
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }
}

function slotsOf({ base, count }: IdRange): string[] {
  const first = Math.floor(base / slotIds);
  const last = Math.floor((base + count - 1) / slotIds);
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
}

/** Null when nobody has it. */
function ownerOf(path: string): string | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    // The first version of this made links that lead to the data root.
    if (errnoOf(error) === 'ELOOP') return readlinkSync(path);
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Who may write there decides over everybody's ids. */
function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const stats = lstatSync(path);
  if (stats.isDirectory() && stats.uid === 0 && (stats.mode & 0o022) === 0) return;
  throw new WarrenError(
    'permissionDenied',
    'NOT_OWNED_BY_ROOT',
    `Cannot keep the machine's list of ids in ${path}: others than root may write there`,
    { hint: 'Remove it; it is made anew' },
  );
}

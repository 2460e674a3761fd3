import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors.js';
import { processStartTime } from '../../host/process-identity.js';

/** How long unfinished work is kept for a second try. */
export const keptAfterFailureMs: number = 24 * 3600 * 1000;

interface LeaseNote {
  /** What the work is: `pull busybox:latest`. */
  readonly subject: string;
  readonly digests: readonly string[];
}

/** Content that work in progress needs. While the lease lives, nothing of it is freed. */
export interface Lease {
  /** Digests of blobs and chain ids. Needs the store's lock. */
  add(digests: readonly string[]): void;
  /** The work is done: what it made is referenced. Ends what earlier tries at the same left, too. */
  release(): void;
  /** The work failed: what it got is kept for a while, for the next try. */
  abandon(): void;
}

/**
 * Leases of all processes on content of the store, as files whose names say whose they are. Whoever frees content
 * holds the store's lock, under which leases grow: content is either seen in a lease, or not relied on yet.
 */
export class Leases {
  private readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  initialize(): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
  }

  open(subject: string): Lease {
    const random = randomBytes(6).toString('hex');
    const path = join(
      this.directory,
      `${process.pid}-${processStartTime(process.pid) ?? 0}-${random}`,
    );
    const digests = new Set<string>();
    const write = (): void => {
      const note: LeaseNote = { subject, digests: [...digests] };
      writeFileSync(`${path}.next`, JSON.stringify(note), { mode: 0o600 });
      renameSync(`${path}.next`, path);
    };
    write();
    return {
      add: (added) => {
        for (const digest of added) digests.add(digest);
        write();
      },
      release: () => {
        rmSync(path, { force: true });
        this.endAbandoned((note) => note.subject === subject);
      },
      abandon: () => {
        renameSync(path, join(this.directory, `0-0-${random}`));
      },
    };
  }

  /** Everything that is not to be freed; `abandoned`: also what failed and killed work may be tried again with. */
  held({ abandoned }: { readonly abandoned: boolean }): ReadonlySet<string> {
    return new Set(
      this.list()
        .filter(({ alive }) => alive || abandoned)
        .flatMap(({ note }) => note.digests),
    );
  }

  /** Forgets work that ended without success and that `which` chooses. */
  endAbandoned(which: (note: LeaseNote, ageMs: number) => boolean): number {
    let ended = 0;
    for (const { path, alive, note, ageMs } of this.list()) {
      if (alive || !which(note, ageMs)) continue;
      rmSync(path, { force: true });
      ended += 1;
    }
    return ended;
  }

  private list(): { path: string; alive: boolean; note: LeaseNote; ageMs: number }[] {
    return readdirSync(this.directory).flatMap((name) => {
      const match = /^(\d+)-(\d+)-[0-9a-f]+(\.next)?$/.exec(name);
      if (match === null) return [];
      const path = join(this.directory, name);
      const alive = processStartTime(Number(match[1])) === Number(match[2]);
      // A note that was not finished says nothing; the one before it counts.
      if (match[3] !== undefined) {
        if (!alive) rmSync(path, { force: true });
        return [];
      }
      return readNote(path).map((read) => ({ path, alive, ...read }));
    });
  }
}

/** None when its owner took the file away meanwhile. */
function readNote(path: string): { readonly note: LeaseNote; readonly ageMs: number }[] {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as LeaseNote;
    return [{ note, ageMs: Date.now() - statSync(path).mtimeMs }];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

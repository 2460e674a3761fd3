import {
  appendFileSync,
  openSync,
  closeSync,
  fstatSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  watch,
} from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { errnoOf } from '../../base/errors.js';
import type { EngineEvent } from '../../model/events.js';

const fileName = 'events';
const maximumFileBytes = 8 * 1024 * 1024;
const readBytes = 65_536;

/**
 * What engines of all processes did, as lines of JSON in the run dir: appended in one write, read by whoever follows. What
 * keepers see (start, die, oom, health) they store themselves; it is not in here.
 */
export class EventJournal {
  readonly #directory: string;

  constructor(runDir: string) {
    this.#directory = runDir;
  }

  get #path(): string {
    return join(this.#directory, fileName);
  }

  append(events: readonly EngineEvent[]): void {
    if (events.length === 0) return;
    appendFileSync(this.#path, events.map((event) => `${JSON.stringify(event)}\n`).join(''), {
      mode: 0o600,
    });
    this.#rotate();
  }

  /** Reads what is appended from now on; with `past`, first all that is kept. To be closed. */
  reader({ past }: { readonly past: boolean }): JournalReader {
    return new JournalReader(this.#directory, { past });
  }

  /** Two processes may rotate at once: then one file more is dropped, never a line of a living one. */
  #rotate(): void {
    try {
      if (statSync(this.#path).size > maximumFileBytes) renameSync(this.#path, `${this.#path}.1`);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** A place in the journal. */
export class JournalReader {
  readonly #changes: ChangeSignal;
  readonly #lines: LineReader;

  constructor(directory: string, { past }: { readonly past: boolean }) {
    this.#changes = new ChangeSignal(directory);
    this.#lines = new LineReader(join(directory, fileName), { past });
  }

  /** What was appended since the last call. */
  read(): EngineEvent[] {
    return [...this.#lines.read()].flatMap((line) => eventOf(line) ?? []);
  }

  /** Resolves when there may be more, or when the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    await this.#changes.next(signal);
  }

  close(): void {
    this.#changes.close();
    this.#lines.close();
  }
}

/** undefined for a line that was cut: its process was killed, or the disk was full. */
function eventOf(line: string): EngineEvent | undefined {
  try {
    return JSON.parse(line) as EngineEvent;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Tells of changes below a directory; a change between two waits is not missed. */
class ChangeSignal {
  readonly #watcher;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(directory: string) {
    this.#watcher = watch(directory, { persistent: true }, (_, name) => {
      if (name !== null && name !== fileName && name !== `${fileName}.1`) return;
      this.#changed = true;
      this.#wake?.();
    });
  }

  async next(signal: AbortSignal): Promise<void> {
    if (!this.#changed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener('abort', wake, { once: true });
      });
    }
    this.#changed = false;
  }

  close(): void {
    this.#watcher.close();
  }
}

/** Reads whole lines that are appended to a file, on to its successor after a rotation. */
class LineReader {
  readonly #path: string;
  #fd: number | null;
  /** The file before, until it is read. */
  #older: number | null = null;
  #position = 0;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(path: string, { past }: { readonly past: boolean }) {
    this.#path = path;
    this.#fd = openOrNull(path);
    if (past) this.#older = openOrNull(`${path}.1`);
    else if (this.#fd !== null) this.#position = fstatSync(this.#fd).size;
  }

  *read(): Generator<string> {
    yield* this.#past();
    this.#fd ??= openOrNull(this.#path);
    if (this.#fd === null) return;
    yield* this.#lines(this.#fd);
    if (!this.#rotated(this.#fd)) return;
    yield* this.#lines(this.#fd);
    closeSync(this.#fd);
    this.#fd = openOrNull(this.#path);
    this.#position = 0;
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
    if (this.#fd !== null) yield* this.#lines(this.#fd);
  }

  close(): void {
    for (const fd of [this.#fd, this.#older]) if (fd !== null) closeSync(fd);
    this.#fd = this.#older = null;
  }

  *#past(): Generator<string> {
    const older = this.#older;
    if (older === null) return;
    this.#older = null;
    try {
      // The newer file was opened first: it may have become this one in between.
      if (this.#fd !== null && fstatSync(older).ino === fstatSync(this.#fd).ino) return;
      yield* readFileSync(older, 'utf8').split('\n').slice(0, -1);
    } finally {
      closeSync(older);
    }
  }

  *#lines(fd: number): Generator<string> {
    const buffer = Buffer.alloc(readBytes);
    for (;;) {
      const count = readSync(fd, buffer, 0, buffer.length, this.#position);
      if (count === 0) return;
      this.#position += count;
      const lines = (this.#rest + this.#decoder.write(buffer.subarray(0, count))).split('\n');
      this.#rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  #rotated(fd: number): boolean {
    const current = openOrNull(this.#path);
    if (current === null) return true;
    try {
      return fstatSync(current).ino !== fstatSync(fd).ino;
    } finally {
      closeSync(current);
    }
  }
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

import {
  appendFileSync,
  openSync,
  closeSync,
  fstatSync,
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
 * keepers see (start, die, oom, health) comes from them directly and is not in here.
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

  /** Events appended from now on, until the signal aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const changes = new ChangeSignal(this.#directory);
    const reader = new LineReader(this.#path);
    try {
      while (!signal.aborted) {
        for (const line of reader.read()) yield JSON.parse(line) as EngineEvent;
        await changes.next(signal);
      }
    } finally {
      changes.close();
      reader.close();
    }
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

/** Tells of changes below a directory; a change between two waits is not missed. */
class ChangeSignal {
  readonly #watcher;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(directory: string) {
    this.#watcher = watch(directory, { persistent: true }, (_, name) => {
      if (name !== null && !name.startsWith(fileName)) return;
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
  #position = 0;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(path: string) {
    this.#path = path;
    this.#fd = openOrNull(path);
    if (this.#fd !== null) this.#position = fstatSync(this.#fd).size;
  }

  *read(): Generator<string> {
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
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
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

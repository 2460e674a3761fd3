import { readFileSync } from 'node:fs';
import { WarrenError } from '../../base/errors.js';
import { nativeProgramPath } from '../native-path.js';
import type { Host } from '../port.js';
import type { RecordIds } from './apply-records.js';

/** How accesses to files are made whose file system somebody else serves. */
export interface AccessWatch {
  /**
   * @param access calls `goesOn` whenever it got further
   * @throws WarrenError unavailable (FILES_NOT_ANSWERING), and what the access throws
   */
  during<T>(access: (goesOn: () => void) => Promise<T>): Promise<T>;
  /** The chunks; only the time in which one is made counts, not the time in which the reader takes it. */
  stream(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
}

export interface WatchTarget {
  readonly host: Pick<Host, 'run'>;
  /** Init of the container. */
  readonly pid: number;
  /** Null with the host's user namespace. */
  readonly ids: RecordIds | null;
}

/** Of files that only file systems of the host hold. */
export const unwatched: AccessWatch = {
  during<T>(access: (goesOn: () => void) => Promise<T>): Promise<T> {
    return access(() => undefined);
  },
  stream(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    return chunks;
  },
};

const defaultLimitMs = 10_000;

/**
 * Watches accesses to the files of a running container. A FUSE file system that the container mounted may never answer, and
 * then neither a signal nor a time limit frees the thread that waits: after the limit its connection is ended, and the
 * access fails. What is merely slow, with no such file system about, is waited for.
 */
export class StallWatch implements AccessWatch {
  readonly #target: WatchTarget;
  readonly #limitMs: number;

  /** @param limitMs for an access, or for a step of one */
  constructor(target: WatchTarget, limitMs: number = defaultLimitMs) {
    this.#target = target;
    this.#limitMs = limitMs;
  }

  async during<T>(access: (goesOn: () => void) => Promise<T>): Promise<T> {
    let ending: Promise<number> = Promise.resolve(0);
    const timer = setInterval(() => {
      ending = ending.then(async (ended) => ended + (await this.#endConnections()));
      // Told with the access's own result, which is still to come.
      ending.catch(() => undefined);
    }, this.#limitMs);
    try {
      return await access(() => {
        timer.refresh();
      });
    } catch (error) {
      if ((await ending) === 0) throw error;
      throw notAnswering(this.#limitMs, error);
    } finally {
      clearInterval(timer);
    }
  }

  async *stream(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const source = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.during(async () => await source.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await source.return?.();
    }
  }

  /** How many there were. */
  async #endConnections(): Promise<number> {
    const { host, pid, ids } = this.#target;
    const { base, count } = ids ?? { base: 0, count: 0 };
    const numbers = ids === null ? ownConnections(pid) : [];
    const args = ['abort', String(base), String(count), ...numbers];
    const { code, stdout, stderr } = await host.run(nativeProgramPath('warren-files'), args);
    if (code === 0) return Number(stdout);
    throw new WarrenError(
      'unavailable',
      'FILES_NOT_ANSWERING',
      `Cannot end FUSE: ${stderr.trim()}`,
    );
  }
}

/** Connections whose mounts the process sees and this one does not: those of the host are nobody's to end. */
function ownConnections(pid: number): string[] {
  const hosts = new Set(connections('self'));
  return connections(String(pid)).filter((number) => !hosts.has(number));
}

/** As the kernel names them: by the device number that mountinfo shows in its third field. */
function connections(process: string): string[] {
  return readFileSync(`/proc/${process}/mountinfo`, 'utf8')
    .split('\n')
    .filter((line) => / - fuse(?:blk|\.\S*)? /.test(line))
    .map((line) => {
      const [major = 0, minor = 0] = (line.split(' ')[2] ?? '').split(':').map(Number);
      return String(major * 2 ** 20 + minor);
    });
}

function notAnswering(limitMs: number, cause: unknown): WarrenError {
  return new WarrenError(
    'unavailable',
    'FILES_NOT_ANSWERING',
    `Cannot read the container's files: a FUSE file system in it did not answer for ${limitMs / 1000} s, and was ended`,
    { hint: 'Unmount it in the container, or name a path outside of it', cause },
  );
}

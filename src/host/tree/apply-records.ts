import { close, open, write } from 'node:fs';
import { promisify } from 'node:util';
import { WarrenError } from '../../base/errors.js';
import type { ByteString, TarEntry } from '../../base/tar/tar-header.js';
import { nativeProgramPath } from '../native-path.js';
import type { Host } from '../port.js';
import { entryRecord, xattrRecord, type RecordFlags } from './records.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeFile = promisify(write);

/** Exit status of warren-files when nothing more fits. */
export const diskFullStatus = 4;

/** The ids that a container's 0 and its successors are on the host; undefined: as they are. */
export interface RecordIds {
  readonly base: number;
  readonly count: number;
}

/**
 * A list of things to make below a container's root, collected in a file for `warren-files apply`:
 * Node has neither the system calls (`openat2`, `mknodat`, `setxattr`) nor the identity for it.
 */
export class RecordFile implements AsyncDisposable {
  readonly path: string;
  private readonly fd: number;
  private recorded = 0;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  static async create(path: string): Promise<RecordFile> {
    return new RecordFile(path, await openFile(path, 'wx', 0o600));
  }

  /** How many there are. */
  get count(): number {
    return this.recorded;
  }

  /** An entry without its content; for a file, {@link content} follows with exactly `entry.size` bytes. */
  async add(entry: TarEntry, flags: RecordFlags = {}): Promise<void> {
    await this.write(entryRecord(entry, flags));
    this.recorded += 1;
  }

  async content(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) await this.write(chunk);
  }

  /** Sets an extended attribute of what is at `path` by then. */
  async xattr(path: ByteString, name: ByteString, value: Uint8Array): Promise<void> {
    await this.write(Buffer.concat([xattrRecord(path, name, value.length), value]));
    this.recorded += 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeFile(this.fd);
  }

  private async write(data: Uint8Array): Promise<void> {
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await writeFile(this.fd, data, done);
      done += bytesWritten;
    }
  }
}

export interface ApplyTarget {
  /** A path that a process of ours may open (`/proc/PID/root`). */
  readonly root: string;
  readonly ids?: RecordIds;
  readonly signal?: AbortSignal;
  /** Called every second in which something was made. */
  readonly onProgress?: () => void;
}

/**
 * Makes what the file lists below `root`.
 * Throws conflict (FILES_NOT_WRITTEN) with the program's own words, exhausted (NO_SPACE).
 */
export async function applyRecords(
  host: Pick<Host, 'run'>,
  records: RecordFile,
  target: ApplyTarget,
): Promise<void> {
  if (records.count === 0) return;
  const { base, count } = target.ids ?? { base: 0, count: 0xffff_ffff };
  const result = await host.run(
    nativeProgramPath('warren-files'),
    ['apply', target.root, String(base), String(count), records.path],
    {
      ...(target.signal === undefined ? {} : { signal: target.signal }),
      ...(target.onProgress === undefined ? {} : { onLine: target.onProgress }),
    },
  );
  if (result.code === 0) return;
  const reason = result.stderr.trim().replace(/^warren-files: cannot /, '');
  if (result.code === diskFullStatus) {
    throw new WarrenError('exhausted', 'NO_SPACE', `Cannot ${reason}`, {
      hint: 'What was there under that name is as it was; what came before it in the archive is written',
    });
  }
  throw new WarrenError('conflict', 'FILES_NOT_WRITTEN', `Cannot ${reason || 'write files'}`);
}

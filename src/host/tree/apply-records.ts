import { close, open, write } from 'node:fs';
import { promisify } from 'node:util';
import { WarrenError } from '../../base/errors.js';
import type { ByteString, TarEntry } from '../../base/tar-header.js';
import { nativeProgramPath } from '../native-path.js';
import type { Host } from '../port.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeFile = promisify(write);

/** As in src/keeper/files/apply.c. */
const operations = {
  directory: 1,
  file: 2,
  symlink: 3,
  link: 4,
  'character-device': 5,
  'block-device': 5,
  fifo: 5,
} as const;
const setXattr = 6;
const mayReplaceDirectory = 1;
const headerSize = 48;
const fileTypes = {
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
} as const;

export interface RecordOptions {
  /** A directory in the place of something else goes, with all it holds. @default false */
  readonly replaceDirectory?: boolean;
}

/** The ids that a container's 0 and its successors are on the host; undefined: as they are. */
export interface RecordIds {
  readonly base: number;
  readonly count: number;
}

interface Fields {
  readonly operation: number;
  readonly path: ByteString;
  readonly argument?: ByteString;
  readonly dataLength?: number;
  readonly entry?: TarEntry;
  readonly flags?: number;
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
  async add(entry: TarEntry, options: RecordOptions = {}): Promise<void> {
    await this.header({
      operation: operations[entry.type],
      path: entry.path,
      argument: entry.linkName ?? '',
      dataLength: entry.type === 'file' ? entry.size : 0,
      entry,
      flags: options.replaceDirectory === true ? mayReplaceDirectory : 0,
    });
  }

  async content(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) await this.write(chunk);
  }

  /** Sets an extended attribute of what is at `path` by then. */
  async xattr(path: ByteString, name: ByteString, value: Uint8Array): Promise<void> {
    await this.header({ operation: setXattr, path, argument: name, dataLength: value.length });
    await this.write(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeFile(this.fd);
  }

  private async header(fields: Fields): Promise<void> {
    const path = Buffer.from(fields.path.replace(/^\/+|\/+$/g, ''), 'latin1');
    const argument = Buffer.from(fields.argument ?? '', 'latin1');
    if (path.length === 0 || path.length >= 4096 || argument.length >= 4096) {
      throw new WarrenError(
        'invalidArgument',
        'PATH_TOO_LONG',
        'Cannot write a file: its path is empty or too long',
      );
    }
    const header = Buffer.alloc(headerSize);
    const entry = fields.entry;
    header.writeUInt8(fields.operation, 0);
    header.writeUInt8(fields.flags ?? 0, 1);
    header.writeUInt16LE(path.length, 2);
    header.writeUInt32LE(argument.length, 4);
    header.writeUInt32LE(entry === undefined ? 0 : modeOf(entry), 8);
    header.writeUInt32LE(entry?.uid ?? 0, 12);
    header.writeUInt32LE(entry?.gid ?? 0, 16);
    header.writeUInt32LE(entry?.major ?? 0, 20);
    header.writeUInt32LE(entry?.minor ?? 0, 24);
    header.writeBigInt64LE(BigInt(Math.floor(entry?.mtimeSeconds ?? 0)), 32);
    header.writeBigUInt64LE(BigInt(fields.dataLength ?? 0), 40);
    await this.write(Buffer.concat([header, path, argument]));
    this.recorded += 1;
  }

  private async write(data: Uint8Array): Promise<void> {
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await writeFile(this.fd, data, done);
      done += bytesWritten;
    }
  }
}

function modeOf({ type, mode }: TarEntry): number {
  const node = type === 'character-device' || type === 'block-device' || type === 'fifo';
  return (mode & 0o7777) | (node ? fileTypes[type] : 0);
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
 * Throws conflict (FILES_NOT_WRITTEN) with the program's own words.
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
  throw new WarrenError('conflict', 'FILES_NOT_WRITTEN', `Cannot ${reason || 'write files'}`);
}

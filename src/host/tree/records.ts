/** Things to make below a directory, as `warren-files` reads them (src/keeper/files/records.h). */
import { WarrenError } from '../../base/errors.js';
import type { ByteString, TarEntry } from '../../base/tar/tar-header.js';

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
const setDirectoryTime = 7;
const flagBits = { replaceDirectory: 1, holes: 2, unlessPresent: 4 } as const;
const headerSize = 48;
const fileTypes = {
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
} as const;

export interface RecordFlags {
  /** A directory in the place of something else goes, with all it holds. @default false */
  readonly replaceDirectory?: boolean;
  /** Blocks of zeros become holes. @default false */
  readonly holes?: boolean;
  /** Something that is there already stays. @default false */
  readonly unlessPresent?: boolean;
}

interface Fields {
  readonly operation: number;
  readonly path: ByteString;
  readonly argument?: ByteString;
  readonly dataLength?: number;
  readonly entry?: TarEntry;
  readonly flags?: RecordFlags;
}

/** An entry without its content: for a file, exactly `entry.size` bytes follow. Throws invalidArgument (PATH_TOO_LONG). */
export function entryRecord(entry: TarEntry, flags: RecordFlags = {}): Buffer {
  return encode({
    operation: operations[entry.type],
    path: entry.path,
    argument: entry.linkName ?? '',
    dataLength: entry.type === 'file' ? entry.size : 0,
    entry,
    flags,
  });
}

/** Sets an extended attribute of what is at `path` by then; the value follows. */
export function xattrRecord(path: ByteString, name: ByteString, size: number): Buffer {
  return encode({ operation: setXattr, path, argument: name, dataLength: size });
}

/** The time of a directory, once everything is in it. */
export function directoryTimeRecord(entry: TarEntry): Buffer {
  return encode({ operation: setDirectoryTime, path: entry.path, entry });
}

function encode({ operation, entry, flags = {}, ...fields }: Fields): Buffer {
  const path = fields.path.replace(/^\/+|\/+$/g, '');
  const argument = fields.argument ?? '';
  if (path.length === 0 || path.length >= 4096 || argument.length >= 4096) {
    throw new WarrenError(
      'invalidArgument',
      'PATH_TOO_LONG',
      'Cannot write a file: its path is empty or too long',
    );
  }
  // From Node's pool: a layer has tens of thousands of these.
  const record = Buffer.allocUnsafe(headerSize + path.length + argument.length);
  record.fill(0, 0, headerSize);
  record.writeUInt8(operation, 0);
  record.writeUInt8(bitsOf(flags), 1);
  record.writeUInt16LE(path.length, 2);
  record.writeUInt32LE(argument.length, 4);
  if (entry !== undefined) writeEntry(record, entry);
  record.writeBigUInt64LE(BigInt(fields.dataLength ?? 0), 40);
  record.write(path, headerSize, 'latin1');
  record.write(argument, headerSize + path.length, 'latin1');
  return record;
}

function writeEntry(record: Buffer, entry: TarEntry): void {
  record.writeUInt32LE(modeOf(entry), 8);
  record.writeUInt32LE(entry.uid, 12);
  record.writeUInt32LE(entry.gid, 16);
  record.writeUInt32LE(entry.major ?? 0, 20);
  record.writeUInt32LE(entry.minor ?? 0, 24);
  record.writeUInt32LE(entry.mtimeNanoseconds ?? 0, 28);
  record.writeBigInt64LE(BigInt(Math.floor(entry.mtimeSeconds)), 32);
}

function bitsOf(flags: RecordFlags): number {
  return (
    (flags.replaceDirectory === true ? flagBits.replaceDirectory : 0) |
    (flags.holes === true ? flagBits.holes : 0) |
    (flags.unlessPresent === true ? flagBits.unlessPresent : 0)
  );
}

function modeOf({ type, mode }: TarEntry): number {
  const node = type === 'character-device' || type === 'block-device' || type === 'fifo';
  return (mode & 0o7777) | (node ? fileTypes[type] : 0);
}

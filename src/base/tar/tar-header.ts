/**
 * A string in which each character is one byte (`latin1`). File names are bytes; decoding them as
 * UTF-8 would lose those that are not.
 */
export type ByteString = string;

export type TarEntryType =
  'file' | 'link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';

export interface TarEntry {
  /** Relative, without a leading `./`; a directory's trailing slash is added. */
  readonly path: ByteString;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 unless `type` is `file`. */
  readonly size: number;
  /** Whole seconds since the epoch, negative before it. */
  readonly mtimeSeconds: number;
  /** Added to the seconds. @default 0 */
  readonly mtimeNanoseconds?: number;
  /** Of `link` and `symlink`. */
  readonly linkName?: ByteString;
  readonly major?: number;
  readonly minor?: number;
  /** Written as `SCHILY.xattr.…`, as GNU tar, libarchive and Go do. @default none */
  readonly xattrs?: ReadonlyMap<ByteString, Buffer>;
}

const blockSize = 512;
const largestOctal7 = 0o7777777;
const largestOctal11 = 0o77777777777;

const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

interface HeaderFields {
  readonly path: ByteString;
  readonly typeFlag: string;
  readonly linkName: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: ReadonlyMap<ByteString, Buffer>;
}

export const xattrPrefix = 'SCHILY.xattr.';
const noXattrs: ReadonlyMap<ByteString, Buffer> = new Map();

/** The end of an archive: two empty blocks. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);

/** What follows content of this size up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

/**
 * The header of one entry in the POSIX.1-2001 format: a ustar block, preceded by an extended header
 * when a field does not fit. The content, padded by {@link tarPadding}, comes after it.
 */
export function encodeTarHeader(entry: TarEntry): Buffer {
  const fields = fieldsOf(entry);
  const records = extendedRecords(fields);
  if (records.length === 0) return encodeBlock(fields);
  const body = Buffer.from(records.join(''), 'latin1');
  const extended = encodeBlock({
    ...fields,
    path: 'PaxHeader',
    linkName: '',
    typeFlag: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
  });
  return Buffer.concat([extended, body, tarPadding(body.length), encodeBlock(fields)]);
}

function fieldsOf(entry: TarEntry): HeaderFields {
  const directory = entry.type === 'directory' && !entry.path.endsWith('/');
  return {
    path: directory ? `${entry.path}/` : entry.path,
    typeFlag: typeFlags[entry.type],
    linkName: entry.linkName ?? '',
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.type === 'file' ? entry.size : 0,
    mtimeSeconds: Math.floor(entry.mtimeSeconds),
    mtimeNanoseconds: entry.mtimeNanoseconds ?? 0,
    major: entry.major ?? 0,
    minor: entry.minor ?? 0,
    xattrs: entry.xattrs ?? noXattrs,
  };
}

function extendedRecords(fields: HeaderFields): string[] {
  const records: string[] = [];
  if (fields.path.length > 100) records.push(extendedRecord('path', fields.path));
  if (fields.linkName.length > 100) records.push(extendedRecord('linkpath', fields.linkName));
  if (fields.uid > largestOctal7) records.push(extendedRecord('uid', String(fields.uid)));
  if (fields.gid > largestOctal7) records.push(extendedRecord('gid', String(fields.gid)));
  if (fields.size > largestOctal11) records.push(extendedRecord('size', String(fields.size)));
  const { mtimeSeconds: seconds, mtimeNanoseconds: nanoseconds } = fields;
  if (nanoseconds > 0 || seconds < 0 || seconds > largestOctal11)
    records.push(extendedRecord('mtime', decimalTime(seconds, nanoseconds)));
  for (const [key, value] of fields.xattrs)
    records.push(extendedRecord(`${xattrPrefix}${key}`, value.toString('latin1')));
  return records;
}

/** A second before the epoch and 750 ms is -0.25. */
function decimalTime(seconds: number, nanoseconds: number): string {
  const negative = seconds < 0 && nanoseconds > 0;
  const whole = negative ? -(seconds + 1) : Math.abs(seconds);
  const rest = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${seconds < 0 ? '-' : ''}${whole}${fraction}`;
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function extendedRecord(key: string, value: ByteString): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length;
  }
  return `${length}${rest}`;
}

function octal(value: number, digits: number): string {
  const largest = 8 ** digits - 1;
  return Math.max(0, Math.min(value, largest)).toString(8).padStart(digits, '0');
}

function encodeBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(blockSize);
  const put = (text: string, offset: number, length: number): void => {
    block.write(text.slice(0, length), offset, 'latin1');
  };
  put(fields.path, 0, 100);
  put(octal(fields.mode, 7), 100, 7);
  put(octal(fields.uid, 7), 108, 7);
  put(octal(fields.gid, 7), 116, 7);
  put(octal(fields.size, 11), 124, 11);
  put(octal(fields.mtimeSeconds, 11), 136, 11);
  put(' '.repeat(8), 148, 8);
  put(fields.typeFlag, 156, 1);
  put(fields.linkName, 157, 100);
  put('ustar\0' + '00', 257, 8);
  put(octal(fields.major, 7), 329, 7);
  put(octal(fields.minor, 7), 337, 7);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148, 8);
  return block;
}

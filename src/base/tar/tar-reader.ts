import { ByteSource, type BoundedBytes } from '../byte-source.js';
import { WarrenError } from '../errors.js';
import { expandSparse, readExtendedSparse, readOldSparse, type SparseMap } from './tar-sparse.js';
import { xattrPrefix, type ByteString, type TarEntry, type TarEntryType } from './tar-header.js';

/** One member of an archive. The content must be read, or left, before the next member is asked for. */
export interface TarMember extends TarEntry {
  readonly linkName: ByteString;
  readonly mtimeNanoseconds: number;
  readonly major: number;
  readonly minor: number;
  /** From extended headers (`SCHILY.xattr.…`). */
  readonly xattrs: ReadonlyMap<ByteString, Buffer>;
  /** The archive has holes for it; they are zeros in the content. */
  readonly sparse: boolean;
  readonly content: AsyncIterable<Buffer>;
  /** All of the content, when it is here already and nothing of it was read; else null. */
  ready(): Buffer | null;
}

const blockSize = 512;
/** Of an extended header or a long name: an attacker must not choose how much we buffer. */
const maximumHeaderBytes = 1 << 20;
const oldSparseFlag = 'S'.charCodeAt(0);

const types: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** What headers before a member say about it. */
interface Overrides {
  readonly records: Map<ByteString, Buffer>;
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
}

/**
 * Reads a tar archive (ustar, POSIX.1-2001, GNU) member by member, keeping names and attributes as bytes.
 * Everything behind the end mark is read and dropped. Throws corrupt (ARCHIVE_CORRUPT, ARCHIVE_TRUNCATED)
 * and unsupported (ARCHIVE_MEMBER_TYPE).
 */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarMember> {
  const bytes = new ByteSource(source);
  const globals = new Map<ByteString, Buffer>();
  let overrides = noOverrides(globals);
  try {
    for (;;) {
      const block = bytes.ready(blockSize) ?? (await bytes.take(blockSize));
      if (block === null) return;
      if (block.every((byte) => byte === 0)) {
        await bytes.drain();
        return;
      }
      checkSum(block);
      const flag = String.fromCharCode(block[156] ?? 0);
      if ('xgLK'.includes(flag)) {
        const size = readNumber(block, 124, 12);
        applyHeader(flag, await readBody(bytes, size), { overrides, globals });
        continue;
      }
      const headers = { block, member: decodeMember(block, overrides), overrides };
      const { stored, sparse } = openPlain(bytes, headers) ?? (await openContent(bytes, headers));
      yield sparse === null
        ? { ...headers.member, sparse: false, content: stored, ready: () => stored.ready() }
        : {
            ...headers.member,
            size: sparse.realSize,
            sparse: true,
            content: expandSparse(stored, sparse),
            ready: () => null,
          };
      // What was taken at one go is finished.
      if (stored.ready() === null) await stored.finish();
      overrides = noOverrides(globals);
    }
  } finally {
    await bytes.close();
  }
}

interface MemberHeaders {
  readonly block: Buffer;
  readonly member: Omit<TarMember, 'content' | 'sparse' | 'ready'>;
  readonly overrides: Overrides;
}

/** Of a member that no header calls sparse; null for others. */
function openPlain(
  bytes: ByteSource,
  { block, member, overrides }: MemberHeaders,
): { readonly stored: BoundedBytes; readonly sparse: null } | null {
  if (block[156] === oldSparseFlag || overrides.records.size > 0) return null;
  return { stored: bytes.bounded(member.size, padding(member.size)), sparse: null };
}

async function openContent(
  bytes: ByteSource,
  { block, member, overrides }: MemberHeaders,
): Promise<{ readonly stored: BoundedBytes; readonly sparse: SparseMap | null }> {
  const old =
    block[156] === oldSparseFlag ? await readOldSparse(block, (size) => bytes.take(size)) : null;
  const stored = bytes.bounded(member.size, padding(member.size));
  if (old !== null || member.type !== 'file') return { stored, sparse: old };
  const sparse = await readExtendedSparse(overrides.records, (size) => stored.take(size));
  return { stored, sparse };
}

function noOverrides(globals: ReadonlyMap<ByteString, Buffer>): Overrides {
  return { records: new Map(globals), longName: undefined, longLink: undefined };
}

async function readBody(bytes: ByteSource, size: number): Promise<Buffer> {
  if (size > maximumHeaderBytes || size < 0) throw corrupt('a header is larger than 1 MiB');
  const body = bytes.bounded(size, padding(size));
  const content = await body.take(size);
  await body.finish();
  return content ?? Buffer.alloc(0);
}

function applyHeader(
  flag: string,
  body: Buffer,
  state: { readonly overrides: Overrides; readonly globals: Map<ByteString, Buffer> },
): void {
  if (flag === 'L') state.overrides.longName = untilNul(body);
  else if (flag === 'K') state.overrides.longLink = untilNul(body);
  else {
    for (const [key, value] of extendedRecords(body)) {
      setRecord(state.overrides.records, key, value);
      if (flag === 'g') setRecord(state.globals, key, value);
    }
    const kept = [...state.globals].reduce(
      (sum, [key, value]) => sum + key.length + value.length,
      0,
    );
    if (kept > maximumHeaderBytes) throw corrupt('the global headers are larger than 1 MiB');
  }
}

function setRecord(records: Map<ByteString, Buffer>, key: ByteString, value: Buffer): void {
  // The extents of GNU's format 0.0 come as many records of the same two names.
  if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
    const map = records.get('GNU.sparse.map');
    const parts = map === undefined ? [value] : [map, Buffer.from(','), value];
    records.set('GNU.sparse.map', Buffer.concat(parts));
  } else if (value.length === 0 && !mayBeEmpty(key)) records.delete(key);
  else records.set(key, value);
}

/** Others without a value take back what an earlier header said. */
function mayBeEmpty(key: ByteString): boolean {
  return key.startsWith(xattrPrefix) || key === 'GNU.sparse.map';
}

function* extendedRecords(body: Buffer): Generator<[ByteString, Buffer]> {
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const length = Number(body.toString('latin1', at, space));
    const equals = body.indexOf(0x3d, space);
    const end = at + length;
    const valid = space > at && Number.isInteger(length) && end <= body.length;
    if (!valid || equals < 0 || equals >= end || body[end - 1] !== 0x0a) {
      throw corrupt('an extended header is malformed');
    }
    yield [body.toString('latin1', space + 1, equals), body.subarray(equals + 1, end - 1)];
    at = end;
  }
}

function decodeMember(block: Buffer, overrides: Overrides): MemberHeaders['member'] {
  const flag = String.fromCharCode(block[156] ?? 0);
  const text = (key: string): ByteString | undefined =>
    overrides.records.get(key)?.toString('latin1');
  const number = (key: string, offset: number, length: number): number => {
    const given = text(key);
    const value = given === undefined ? readNumber(block, offset, length) : Number(given);
    if (!Number.isFinite(value)) throw corrupt(`field ${key} is no number`);
    return value;
  };
  const path = text('GNU.sparse.name') ?? text('path') ?? overrides.longName ?? blockPath(block);
  const found = types[flag];
  if (found === undefined) {
    throw new WarrenError(
      'unsupported',
      'ARCHIVE_MEMBER_TYPE',
      `Cannot read archive: ${printable(path)} has unknown type ${JSON.stringify(flag)}`,
    );
  }
  const type = found === 'file' && path.endsWith('/') ? 'directory' : found;
  return {
    path,
    type,
    mode: readNumber(block, 100, 8) & 0o7777,
    uid: number('uid', 108, 8),
    gid: number('gid', 116, 8),
    size: type === 'file' ? sizeOf(number('size', 124, 12)) : 0,
    ...timeOf(text('mtime') ?? String(readNumber(block, 136, 12))),
    linkName: text('linkpath') ?? overrides.longLink ?? untilNul(block.subarray(157, 257)),
    major: readNumber(block, 329, 8),
    minor: readNumber(block, 337, 8),
    xattrs: xattrsOf(overrides.records),
  };
}

/** `1700000000.25`, `-0.25`: whole seconds downwards, and what is left. */
function timeOf(text: string): { mtimeSeconds: number; mtimeNanoseconds: number } {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text.trim());
  if (match === null) throw corrupt('field mtime is no number');
  const whole = Number(match[2]);
  const rest = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { mtimeSeconds: whole, mtimeNanoseconds: rest };
  return rest === 0
    ? { mtimeSeconds: -whole, mtimeNanoseconds: 0 }
    : { mtimeSeconds: -whole - 1, mtimeNanoseconds: 1_000_000_000 - rest };
}

function sizeOf(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw corrupt('a size is out of range');
  return value;
}

function xattrsOf(records: ReadonlyMap<ByteString, Buffer>): Map<ByteString, Buffer> {
  const xattrs = new Map<ByteString, Buffer>();
  for (const [key, value] of records) {
    if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), value);
  }
  return xattrs;
}

function blockPath(block: Buffer): ByteString {
  const name = untilNul(block.subarray(0, 100));
  // GNU's own format uses the place of the prefix for other things.
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = posix ? untilNul(block.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function untilNul(bytes: Buffer): ByteString {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}

/** Octal text, or GNU's binary form for what does not fit. */
function readNumber(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const [first = 0, ...rest] = field;
    // Two's complement: only times are negative.
    const start = (first & 0x40) !== 0 ? (first & 0x3f) - 0x40 : first & 0x3f;
    return rest.reduce((sum, byte) => sum * 256 + byte, start);
  }
  const text = untilNul(field).trim();
  if (!/^[0-7]*$/.test(text)) throw corrupt('a header field is no octal number');
  return text === '' ? 0 : parseInt(text, 8);
}

function checkSum(block: Buffer): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockSize; at += 1) {
    if (at < 148 || at >= 156) sum += block[at] ?? 0;
  }
  if (sum !== readNumber(block, 148, 8)) throw corrupt('the checksum of a header is wrong');
}

function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

function printable(path: ByteString): string {
  return JSON.stringify(Buffer.from(path.slice(0, 200), 'latin1').toString('utf8'));
}

function corrupt(reason: string): WarrenError {
  return new WarrenError('corrupt', 'ARCHIVE_CORRUPT', `Cannot read archive: ${reason}`);
}

import { WarrenError } from './errors.js';
import type { ByteString, TarEntry, TarEntryType } from './tar-header.js';

/** One member of an archive. The content must be read, or left, before the next member is asked for. */
export interface TarMember extends TarEntry {
  readonly linkName: ByteString;
  readonly major: number;
  readonly minor: number;
  /** From extended headers (`SCHILY.xattr.…`). */
  readonly xattrs: ReadonlyMap<ByteString, Buffer>;
  readonly content: AsyncIterable<Buffer>;
}

const blockSize = 512;
/** Of an extended header or a long name: an attacker must not choose how much we buffer. */
const maximumHeaderBytes = 1 << 20;
const xattrPrefix = 'SCHILY.xattr.';

const types: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
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
  for (;;) {
    const block = await bytes.take(blockSize);
    if (block === null) return;
    if (block.every((byte) => byte === 0)) {
      await bytes.drain();
      return;
    }
    checkSum(block);
    const flag = String.fromCharCode(block[156] ?? 0);
    const size = readNumber(block, 124, 12);
    if ('xgLK'.includes(flag)) {
      applyHeader(flag, await readBody(bytes, size), { overrides, globals });
      continue;
    }
    const member = decodeMember(block, overrides);
    const content = bytes.bounded(member.size);
    yield { ...member, content };
    await content.finish();
    overrides = noOverrides(globals);
  }
}

function noOverrides(globals: ReadonlyMap<ByteString, Buffer>): Overrides {
  return { records: new Map(globals), longName: undefined, longLink: undefined };
}

async function readBody(bytes: ByteSource, size: number): Promise<Buffer> {
  if (size > maximumHeaderBytes) throw corrupt('a header is larger than 1 MiB');
  const body = await bytes.take(size + padding(size));
  if (body === null) throw truncated();
  return body.subarray(0, size);
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
      state.overrides.records.set(key, value);
      if (flag === 'g') state.globals.set(key, value);
    }
  }
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

function decodeMember(block: Buffer, overrides: Overrides): Omit<TarMember, 'content'> {
  const flag = String.fromCharCode(block[156] ?? 0);
  const text = (key: string): ByteString | undefined =>
    overrides.records.get(key)?.toString('latin1');
  const number = (key: string, offset: number, length: number): number => {
    const given = text(key);
    const value = given === undefined ? readNumber(block, offset, length) : Number(given);
    if (!Number.isFinite(value)) throw corrupt(`field ${key} is no number`);
    return value;
  };
  const path = text('path') ?? overrides.longName ?? blockPath(block);
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
    mtimeSeconds: number('mtime', 136, 12),
    linkName: text('linkpath') ?? overrides.longLink ?? untilNul(block.subarray(157, 257)),
    major: readNumber(block, 329, 8),
    minor: readNumber(block, 337, 8),
    xattrs: xattrsOf(overrides.records),
  };
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
    return rest.reduce((sum, byte) => sum * 256 + byte, first & 0x7f);
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

function truncated(): WarrenError {
  return new WarrenError('corrupt', 'ARCHIVE_TRUNCATED', 'Cannot read archive: it ends too early');
}

/** Pulls exact amounts out of a stream of chunks. */
class ByteSource {
  private readonly chunks: AsyncIterator<Buffer>;
  private buffered: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; null when the stream ended before the first. */
  async take(size: number): Promise<Buffer | null> {
    const parts: Buffer[] = [];
    let missing = size;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === null) {
        if (missing === size) return null;
        throw truncated();
      }
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  bounded(size: number): AsyncIterable<Buffer> & { finish(): Promise<void> } {
    let left = size;
    const next = async (): Promise<Buffer | null> => {
      if (left === 0) return null;
      const part = await this.some(left);
      if (part === null) throw truncated();
      left -= part.length;
      return part;
    };
    return {
      async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
        for (let part = await next(); part !== null; part = await next()) yield part;
      },
      finish: async (): Promise<void> => {
        while ((await next()) !== null) continue;
        if (padding(size) > 0 && (await this.take(padding(size))) === null) throw truncated();
      },
    };
  }

  async drain(): Promise<void> {
    while ((await this.some(Number.MAX_SAFE_INTEGER)) !== null) continue;
  }

  /** At most so many bytes, as they come. */
  private async some(most: number): Promise<Buffer | null> {
    while (this.buffered.length === 0) {
      const next = await this.chunks.next();
      if (next.done === true) return null;
      this.buffered = next.value;
    }
    const part = this.buffered.subarray(0, most);
    this.buffered = this.buffered.subarray(part.length);
    return part;
  }
}

import { WarrenError } from '../errors.js';
import type { ByteString } from './tar-header.js';

/** Where the stored bytes of a sparse file belong; zeros are everywhere else. */
export interface SparseMap {
  readonly extents: readonly SparseExtent[];
  /** Of the whole file, with its holes. */
  readonly realSize: number;
}

export interface SparseExtent {
  readonly offset: number;
  readonly length: number;
}

/** Reads more of what is stored for a member; null at its end. */
type Take = (size: number) => Promise<Buffer | null>;

const blockSize = 512;
/** An attacker must not choose how much we keep. */
const maximumExtents = 1 << 16;
const zeros = Buffer.alloc(1 << 16);

/** GNU's first format (type `S`): a few extents in the header, more in blocks behind it, which `take` gives. */
export async function readOldSparse(header: Buffer, take: Take): Promise<SparseMap> {
  const extents = blockExtents(header, 386, 4);
  let more = header[482] !== 0;
  while (more) {
    const block = await take(blockSize);
    if (block === null) throw corrupt();
    extents.push(...blockExtents(block, 0, 21));
    more = block[504] !== 0;
    if (extents.length > maximumExtents) throw corrupt();
  }
  return checked({ extents, realSize: blockNumber(header, 483) });
}

/**
 * GNU's formats 0.0, 0.1 and 1.0, which live in extended headers; null when these headers have none. Version 1.0
 * keeps the extents in front of the content, from where `take` gets them; it is told how much the rest is.
 */
export async function readExtendedSparse(
  records: ReadonlyMap<ByteString, Buffer>,
  take: Take,
): Promise<SparseMap | null> {
  const text = (key: string): string | undefined =>
    records.get(`GNU.sparse.${key}`)?.toString('latin1');
  const realSize = Number(text('realsize') ?? text('size') ?? NaN);
  if (text('major') === '1') {
    return checked({ extents: await leadingExtents(take), realSize });
  }
  const map = text('map');
  if (map === undefined) return null;
  const numbers = map === '' ? [] : map.split(',').map(Number);
  return checked({ extents: pairs(numbers), realSize });
}

/** Turns the stored bytes into the file's, holes filled with zeros. */
export async function* expandSparse(
  stored: AsyncIterable<Buffer>,
  map: SparseMap,
): AsyncGenerator<Buffer> {
  const extents = map.extents.filter(({ length }) => length > 0)[Symbol.iterator]();
  let at = 0;
  let extent = extents.next();
  let left = extent.done === true ? 0 : extent.value.length;
  for await (let chunk of stored) {
    while (chunk.length > 0) {
      if (extent.done === true) throw corrupt();
      if (left === extent.value.length) {
        yield* holes(extent.value.offset - at);
        at = extent.value.offset;
      }
      const part = chunk.subarray(0, left);
      yield part;
      at += part.length;
      left -= part.length;
      chunk = chunk.subarray(part.length);
      if (left > 0) continue;
      extent = extents.next();
      left = extent.done === true ? 0 : extent.value.length;
    }
  }
  if (extent.done !== true) throw corrupt();
  yield* holes(map.realSize - at);
}

function* holes(length: number): Generator<Buffer> {
  for (let left = length; left > 0;) {
    const part = zeros.subarray(0, Math.min(left, zeros.length));
    yield part;
    left -= part.length;
  }
}

async function leadingExtents(take: Take): Promise<SparseExtent[]> {
  const numbers: number[] = [];
  let rest = '';
  while (numbers.length === 0 || numbers.length < 1 + 2 * (numbers[0] ?? 0)) {
    const block = await take(blockSize);
    if (block === null || (numbers[0] ?? 0) > maximumExtents) throw corrupt();
    const lines = (rest + block.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (numbers.length > 0 && numbers.length >= 1 + 2 * (numbers[0] ?? 0)) break;
      if (!/^[0-9]{1,20}$/.test(line)) throw corrupt();
      numbers.push(Number(line));
    }
  }
  return pairs(numbers.slice(1));
}

function pairs(numbers: readonly number[]): SparseExtent[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * maximumExtents) throw corrupt();
  const extents: SparseExtent[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    extents.push({ offset: numbers[at] ?? NaN, length: numbers[at + 1] ?? NaN });
  }
  return extents;
}

function blockExtents(block: Buffer, from: number, count: number): SparseExtent[] {
  const extents: SparseExtent[] = [];
  for (let at = from; at < from + count * 24; at += 24) {
    if (block[at] === 0) break;
    extents.push({ offset: blockNumber(block, at), length: blockNumber(block, at + 12) });
  }
  return extents;
}

function blockNumber(block: Buffer, at: number): number {
  const field = block.subarray(at, at + 12);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const text = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1'))?.[1];
  if (text === undefined) throw corrupt();
  return parseInt(text, 8);
}

/** In order, without overlaps, inside the file: what follows relies on it. */
function checked(map: SparseMap): SparseMap {
  let end = 0;
  for (const { offset, length } of map.extents) {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) throw corrupt();
    if (offset < end || length < 0) throw corrupt();
    end = offset + length;
  }
  if (!Number.isSafeInteger(map.realSize) || map.realSize < end) throw corrupt();
  return map;
}

function corrupt(): WarrenError {
  return new WarrenError(
    'corrupt',
    'ARCHIVE_CORRUPT',
    'Cannot read archive: the map of a sparse file is malformed',
  );
}

/** Little-endian messages: a growing writer and a bounded reader (docs/keeper-protocol.md has the notation). */
import { WarrenError } from './errors.js';

/** Below this length a loop over ASCII is faster than the call into native code. */
const shortString = 48;
const two32 = 0x1_0000_0000;

export class BinaryWriter {
  readonly #initialSize: number;
  #bytes: Buffer;
  #length = 0;

  constructor(initialSize: number = 4096) {
    this.#initialSize = initialSize;
    this.#bytes = Buffer.allocUnsafe(initialSize);
  }

  get length(): number {
    return this.#length;
  }

  /** Starts again in the same memory. */
  reset(): void {
    this.#length = 0;
  }

  /** Forgets what was written from `length` on. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** A copy of what was written. */
  toBytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  /** What was written, and starts again; memory that has grown is handed over instead of copied. */
  take(): Buffer {
    const written = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    if (this.#bytes.length <= this.#initialSize) return Buffer.from(written);
    this.#bytes = Buffer.allocUnsafe(this.#initialSize);
    return written;
  }

  u8(value: number): this {
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u16(value: number): this {
    this.#room(2);
    const bytes = this.#bytes;
    bytes[this.#length++] = value;
    bytes[this.#length++] = value >>> 8;
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#put32(value);
    return this;
  }

  i32(value: number): this {
    return this.u32(value);
  }

  /** A number must be a non-negative safe integer. */
  u64(value: number | bigint): this {
    this.#room(8);
    if (typeof value === 'bigint') {
      this.#length = this.#bytes.writeBigUInt64LE(value, this.#length);
      return this;
    }
    this.#put32(value % two32);
    this.#put32(Math.floor(value / two32));
    return this;
  }

  /** Length and UTF-8. Throws on a NUL, which no string of the protocol may hold. */
  str(value: string): this {
    if (value.length <= shortString && this.#shortAscii(value)) return this;
    if (value.includes('\0')) {
      throw new WarrenError(
        'invalidArgument',
        'NUL_IN_STRING',
        `A string holds a NUL byte: ${JSON.stringify(value)}`,
      );
    }
    const size = Buffer.byteLength(value);
    this.#room(4 + size);
    this.#put32(size);
    this.#bytes.write(value, this.#length, size, 'utf8');
    this.#length += size;
    return this;
  }

  /** Length and content. */
  bytes(value: Uint8Array): this {
    return this.u32(value.length).raw(value);
  }

  /** Content alone. */
  raw(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** Count and strings. */
  strings(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.str(value);
    return this;
  }

  /** Overwrites four bytes written earlier. */
  patch32(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value, at);
  }

  patch16(at: number, value: number): void {
    this.#bytes.writeUInt16LE(value, at);
  }

  /** False, with nothing written, when the string is not plain ASCII. */
  #shortAscii(value: string): boolean {
    const size = value.length;
    this.#room(4 + size);
    const bytes = this.#bytes;
    const start = this.#length + 4;
    for (let i = 0; i < size; i++) {
      const code = value.charCodeAt(i);
      if (code === 0 || code > 0x7f) return false;
      bytes[start + i] = code;
    }
    this.#put32(size);
    this.#length += size;
    return true;
  }

  #put32(value: number): void {
    const bytes = this.#bytes;
    const at = this.#length;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.#length = at + 4;
  }

  #room(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Reads past the end throw `corrupt` (MESSAGE_DAMAGED). */
export class BinaryReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#byte(this.#take(1));
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw damaged(`${value} is no boolean`);
    return value === 1;
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  i32(): number {
    return this.#word(this.#take(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  /** A 64-bit value as a number; beyond 2^53 it is rounded. */
  u64Number(): number {
    const at = this.#take(8);
    return (this.#word(at) >>> 0) + (this.#word(at + 4) >>> 0) * two32;
  }

  str(): string {
    const size = this.u32();
    const at = this.#take(size);
    return this.#bytes.toString('utf8', at, at + size);
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const size = this.u32();
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  /** A view of the next `size` bytes. */
  raw(size: number): Buffer {
    const at = this.#take(size);
    return this.#bytes.subarray(at, at + size);
  }

  list<T>(item: (reader: BinaryReader) => T): T[] {
    const count = this.u32();
    if (count > this.remaining) throw damaged(`a list of ${count} items does not fit`);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item(this));
    return items;
  }

  strings(): string[] {
    return this.list((reader) => reader.str());
  }

  /** Throws when bytes are left. */
  end(): void {
    if (this.remaining > 0) throw damaged(`${this.remaining} bytes too many`);
  }

  /** Where #take has been: in sight of it, Buffer's own checked readers cost a call each. */
  #byte(at: number): number {
    return this.#bytes[at] as number;
  }

  #word(at: number): number {
    return (
      this.#byte(at) |
      (this.#byte(at + 1) << 8) |
      (this.#byte(at + 2) << 16) |
      (this.#byte(at + 3) << 24)
    );
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at)
      throw damaged(`it ends ${size - this.remaining} bytes early`);
    this.#at = at + size;
    return at;
  }
}

function damaged(reason: string): WarrenError {
  return new WarrenError('corrupt', 'MESSAGE_DAMAGED', `Cannot read a message: ${reason}`);
}

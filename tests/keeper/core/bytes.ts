/** Little-endian writer of the keeper's messages, for tests: independent of the product's own codec. */
export class Bytes {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    this.#parts.push(Buffer.from([value]));
    return this;
  }

  u16(value: number): this {
    const part = Buffer.alloc(2);
    part.writeUInt16LE(value);
    this.#parts.push(part);
    return this;
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32LE(value >>> 0);
    this.#parts.push(part);
    return this;
  }

  u64(value: number | bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt(value));
    this.#parts.push(part);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#parts.push(Buffer.from(value));
    return this;
  }

  str(value: string): this {
    return this.bytes(Buffer.from(value));
  }

  strings(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.str(value);
    return this;
  }

  raw(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value));
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Reads what {@link Bytes} writes. */
export class View {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get left(): number {
    return this.#data.length - this.#at;
  }

  #take(size: number): number {
    const at = this.#at;
    this.#at += size;
    return at;
  }

  u8(): number {
    return this.#data.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#data.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#data.readUInt32LE(this.#take(4));
  }

  i32(): number {
    return this.#data.readInt32LE(this.#take(4));
  }

  u64(): bigint {
    return this.#data.readBigUInt64LE(this.#take(8));
  }

  bytes(): Buffer {
    const size = this.u32();
    const at = this.#take(size);
    return this.#data.subarray(at, at + size);
  }

  str(): string {
    return this.bytes().toString();
  }
}

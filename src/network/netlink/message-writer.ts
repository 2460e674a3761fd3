/** A growing batch of netlink messages: headers, attributes, nesting and padding (linux/netlink.h). Pure. */

const headerSize = 16;
const attributeHeaderSize = 4;
const nested = 0x8000;

/** NLM_F_*: flags of a message. */
export const messageFlags = {
  request: 0x1,
  ack: 0x4,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

export class MessageWriter {
  #bytes: Buffer;
  #length = 0;
  #messageAt = -1;
  #asked = false;
  readonly #namespaceAt: number[] = [];

  constructor(initialSize: number = 1024) {
    this.#bytes = Buffer.alloc(initialSize);
  }

  /** Begins a message; the one before is complete then. */
  begin(type: number, flags: number): this {
    this.#close();
    this.#asked ||= (flags & messageFlags.ack) !== 0;
    this.#messageAt = this.#length;
    this.#room(headerSize);
    this.#bytes.writeUInt16LE(type, this.#messageAt + 4);
    this.#bytes.writeUInt16LE(flags | messageFlags.request, this.#messageAt + 6);
    return this;
  }

  u8(value: number): this {
    this.#bytes[this.#room(1)] = value;
    return this;
  }

  u16(value: number): this {
    this.#bytes.writeUInt16LE(value, this.#room(2));
    return this;
  }

  u32(value: number): this {
    this.#bytes.writeUInt32LE(value >>> 0, this.#room(4));
    return this;
  }

  /** In network byte order, as netfilter has most of its numbers. */
  be16(value: number): this {
    this.#bytes.writeUInt16BE(value, this.#room(2));
    return this;
  }

  be32(value: number): this {
    this.#bytes.writeUInt32BE(value >>> 0, this.#room(4));
    return this;
  }

  raw(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** An attribute with the content that `write` adds; padded. */
  attribute(type: number, write: (writer: this) => void): this {
    const start = this.#room(attributeHeaderSize);
    this.#bytes.writeUInt16LE(type, start + 2);
    write(this);
    this.#bytes.writeUInt16LE(this.#length - start, start);
    this.#pad();
    return this;
  }

  /** An attribute of attributes (NLA_F_NESTED). */
  nest(type: number, write: (writer: this) => void): this {
    return this.attribute(type | nested, write);
  }

  attribute8(type: number, value: number): this {
    return this.attribute(type, () => this.u8(value));
  }

  attribute16(type: number, value: number): this {
    return this.attribute(type, () => this.u16(value));
  }

  attribute32(type: number, value: number): this {
    return this.attribute(type, () => this.u32(value));
  }

  attributeBytes(type: number, value: Uint8Array): this {
    return this.attribute(type, () => this.raw(value));
  }

  /** With its NUL. */
  attributeString(type: number, value: string): this {
    return this.attribute(type, () => this.raw(Buffer.from(`${value}\0`)));
  }

  /** An attribute whose value the keeper writes: the descriptor of the container's network namespace. */
  attributeNamespace(type: number): this {
    return this.attribute(type, () => {
      this.#namespaceAt.push(this.#length);
      this.u32(0);
    });
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The messages; when none asked for an acknowledgement, the last one does. */
  finish(): { readonly messages: Uint8Array; readonly namespaceAt: readonly number[] } {
    this.#close();
    if (this.#messageAt >= 0 && !this.#asked) {
      const at = this.#messageAt + 6;
      this.#bytes.writeUInt16LE(this.#bytes.readUInt16LE(at) | messageFlags.ack, at);
    }
    return { messages: this.#bytes.subarray(0, this.#length), namespaceAt: this.#namespaceAt };
  }

  #close(): void {
    if (this.#messageAt < 0) return;
    this.#bytes.writeUInt32LE(this.#length - this.#messageAt, this.#messageAt);
    this.#pad();
  }

  #pad(): void {
    const missing = -this.#length & 3;
    if (missing > 0) this.#room(missing);
  }

  /** Zeroed room; gives where it begins. */
  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }
}

import { addressBytes, parseAddress } from '../../base/ip.js';
import { WarrenError } from '../../base/errors.js';
import type { Field, FieldType } from './set.js';

/** Bytes of a field without padding. */
const sizes: Readonly<Record<FieldType, number>> = {
  link: 4,
  mark: 4,
  ipv4: 4,
  ipv6: 16,
  mac: 6,
  protocol: 1,
  port: 2,
};

function padded(size: number): number {
  return (size + 3) & ~3;
}

/** Length of a key or a value: each field of several is padded to four bytes, one alone is not. */
export function fieldsLength(types: readonly FieldType[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return sizes[only];
  return types.reduce((length, type) => length + padded(sizes[type]), 0);
}

/**
 * A key or a value as the kernel compares it: numbers of the host in its own order, those of packets in theirs. In keys that are
 * ranges nft(8) has the host's numbers in the order of packets, where larger means later.
 */
export function fieldsBytes(
  types: readonly FieldType[],
  fields: readonly Field[],
  ranges: boolean = false,
): Buffer {
  if (types.length !== fields.length) {
    throw new Error(`A key of ${types.join(' . ')} does not have ${fields.length} parts`);
  }
  const bytes = Buffer.alloc(fieldsLength(types));
  let at = 0;
  types.forEach((type, index) => {
    writeField(bytes, at, { type, value: fields[index] as Field, ranges });
    at += padded(sizes[type]);
  });
  return bytes;
}

function writeField(
  bytes: Buffer,
  at: number,
  {
    type,
    value,
    ranges,
  }: { readonly type: FieldType; readonly value: Field; readonly ranges: boolean },
): void {
  switch (type) {
    case 'link':
    case 'mark':
      if (ranges) bytes.writeUInt32BE(Number(value), at);
      else bytes.writeUInt32LE(Number(value), at);
      return;
    case 'protocol':
      bytes.writeUInt8(Number(value), at);
      return;
    case 'port':
      bytes.writeUInt16BE(Number(value), at);
      return;
    case 'mac':
      bytes.write(String(value).replaceAll(':', ''), at, 6, 'hex');
      return;
    case 'ipv4':
    case 'ipv6':
      bytes.set(ipBytes(String(value), type === 'ipv4' ? 4 : 6), at);
  }
}

function ipBytes(text: string, family: 4 | 6): Uint8Array {
  const address = parseAddress(text);
  if (address?.family === family) return addressBytes(address);
  throw new WarrenError('invalidArgument', 'INVALID_ADDRESS', `${text} is no IPv${family} address`);
}

import { describe, expect, test } from 'vitest';
import { BinaryReader, BinaryWriter } from '../../../src/base/binary.js';

describe('BinaryWriter and BinaryReader', () => {
  test('agree on every kind of value', () => {
    const long = 'ü'.repeat(5000);
    const bytes = new BinaryWriter(4)
      .u8(255)
      .bool(true)
      .u16(0xfffe)
      .u32(0xffff_fffe)
      .i32(-5)
      .u64(2 ** 53 - 1)
      .u64(0xffff_ffff_ffff_fffen)
      .str('plain')
      .str('Grüße')
      .str(long)
      .str('')
      .bytes(Uint8Array.of(1, 2))
      .raw(Uint8Array.of(3))
      .strings(['a', 'b'])
      .toBytes();
    const reader = new BinaryReader(bytes);
    expect(reader.u8()).toBe(255);
    expect(reader.bool()).toBe(true);
    expect(reader.u16()).toBe(0xfffe);
    expect(reader.u32()).toBe(0xffff_fffe);
    expect(reader.i32()).toBe(-5);
    expect(reader.u64Number()).toBe(2 ** 53 - 1);
    expect(reader.u64()).toBe(0xffff_ffff_ffff_fffen);
    expect([reader.str(), reader.str(), reader.str(), reader.str()]).toEqual([
      'plain',
      'Grüße',
      long,
      '',
    ]);
    expect([...reader.bytes()]).toEqual([1, 2]);
    expect([...reader.raw(1)]).toEqual([3]);
    expect(reader.strings()).toEqual(['a', 'b']);
    reader.end();
  });

  test('refuse a NUL in a string, short or long', () => {
    for (const text of ['a\0b', `${'x'.repeat(100)}\0`]) {
      expect(() => new BinaryWriter().str(text)).toThrow(/NUL/);
    }
  });

  test('refuse what is cut short, too long, or no boolean', () => {
    expect(() => new BinaryReader(Buffer.alloc(3)).u32()).toThrow(/ends 1 bytes early/);
    expect(() => new BinaryReader(Buffer.from([255, 255, 255, 255])).str()).toThrow(/early/);
    expect(() => new BinaryReader(Buffer.from([255, 255, 255, 255])).strings()).toThrow(
      /does not fit/,
    );
    expect(() => {
      new BinaryReader(Buffer.alloc(1)).end();
    }).toThrow(/1 bytes too many/);
    expect(() => new BinaryReader(Buffer.from([2])).bool()).toThrow(/no boolean/);
  });

  test('hand over what was written', () => {
    const writer = new BinaryWriter(8);
    const small = writer.u32(1).take();
    const large = writer.raw(Buffer.alloc(100, 7)).take();
    writer.u32(2);
    expect(small.readUInt32LE()).toBe(1);
    expect(large).toEqual(Buffer.alloc(100, 7));
    expect(writer.take().readUInt32LE()).toBe(2);
  });

  test('start again in the same memory', () => {
    const writer = new BinaryWriter();
    const first = writer.u32(1).toBytes();
    writer.reset();
    writer.u32(2);
    expect(first.readUInt32LE()).toBe(1);
    expect(writer.toBytes().readUInt32LE()).toBe(2);
    writer.patch32(0, 7);
    writer.truncate(1);
    expect([...writer.toBytes()]).toEqual([7]);
  });
});

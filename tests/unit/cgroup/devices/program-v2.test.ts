import { expect, test } from 'vitest';
import { compileDeviceProgram } from '../../../../src/cgroup/devices/program-v2.js';
import type { DeviceRule } from '../../../../src/model/resources.js';

interface Access {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

/** Runs the instructions that the compiler uses, as the kernel does. */
function allowed(program: Uint8Array, { type, major, minor, access }: Access): boolean {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  const bits = [...access].reduce((mask, letter) => mask | { m: 1, r: 2, w: 4 }[letter]!, 0);
  const context = [(bits << 16) | { b: 1, c: 2 }[type], major, minor];
  const registers = new Uint32Array(11);
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint8(at);
    const destination = view.getUint8(at + 1) & 15;
    const source = view.getUint8(at + 1) >> 4;
    const offset = view.getInt16(at + 2, true);
    const immediate = view.getInt32(at + 4, true);
    const value = registers[destination] ?? 0;
    if (code === 0x61) registers[destination] = context[offset / 4] ?? 0;
    else if (code === 0xb4) registers[destination] = immediate;
    else if (code === 0xbc) registers[destination] = registers[source] ?? 0;
    else if (code === 0x54) registers[destination] = value & immediate;
    else if (code === 0x74) registers[destination] = value >>> immediate;
    else if (code === 0x16) at += value === immediate >>> 0 ? offset * 8 : 0;
    else if (code === 0x56) at += value === immediate >>> 0 ? 0 : offset * 8;
    else if (code === 0x95) return registers[0] === 1;
    else throw new Error(`Unknown instruction ${code}`);
  }
  throw new Error('The program does not end');
}

const device = (major: number, minor: number, access: string): Access => ({
  type: 'c',
  major,
  minor,
  access,
});

/** `allow 1:3 rw`, of character devices. */
function rule(text: string): DeviceRule {
  const [verb, numbers = '', permissions = ''] = text.split(' ');
  const [major = -1, minor = -1] = numbers
    .split(':')
    .map((part) => (part === '*' ? -1 : Number(part)));
  return { allow: verb === 'allow', type: 'c', major, minor, permissions };
}

test('without rules nothing is allowed', () => {
  expect(allowed(compileDeviceProgram([]), device(1, 3, 'r'))).toBe(false);
});

test('a rule allows its device and its kinds of access only', () => {
  const program = compileDeviceProgram([rule('allow 1:3 rw')]);
  expect(allowed(program, device(1, 3, 'r'))).toBe(true);
  expect(allowed(program, device(1, 3, 'rw'))).toBe(true);
  expect(allowed(program, device(1, 3, 'rm'))).toBe(false);
  expect(allowed(program, device(1, 5, 'r'))).toBe(false);
  expect(allowed(program, { ...device(1, 3, 'r'), type: 'b' })).toBe(false);
});

test('kinds of access may be allowed by different rules', () => {
  const program = compileDeviceProgram([rule('allow 1:3 r'), rule('allow 1:* w')]);
  expect(allowed(program, device(1, 3, 'rw'))).toBe(true);
  expect(allowed(program, device(1, 5, 'rw'))).toBe(false);
});

test('a later rule wins over an earlier one, in both directions', () => {
  const program = compileDeviceProgram([
    rule('allow 1:* rwm'),
    rule('deny 1:5 w'),
    rule('allow 1:7 rw'),
  ]);
  expect(allowed(program, device(1, 3, 'rw'))).toBe(true);
  expect(allowed(program, device(1, 5, 'r'))).toBe(true);
  expect(allowed(program, device(1, 5, 'rw'))).toBe(false);
  expect(allowed(program, device(1, 7, 'w'))).toBe(true);
});

test('a rule about everything makes the earlier ones void', () => {
  const everything: DeviceRule = {
    allow: true,
    type: 'a',
    major: -1,
    minor: -1,
    permissions: 'rwm',
  };
  const program = compileDeviceProgram([rule('deny 1:3 r'), everything, rule('deny 1:5 r')]);
  expect(allowed(program, device(1, 3, 'r'))).toBe(true);
  expect(allowed(program, device(1, 5, 'r'))).toBe(false);
});

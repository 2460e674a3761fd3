import { expect, test } from 'vitest';
import { deviceWritesV1 } from '../../../../src/cgroup/devices/writes-v1.js';
import type { DeviceRule } from '../../../../src/model/resources.js';

function rule(text: string): DeviceRule {
  const [verb, type, numbers = '', permissions = ''] = text.split(' ');
  const [major = -1, minor = -1] = numbers
    .split(':')
    .map((part) => (part === '*' ? -1 : Number(part)));
  return { allow: verb === 'allow', type: type as DeviceRule['type'], major, minor, permissions };
}

const writes = (...rules: string[]): string[] =>
  deviceWritesV1(rules.map(rule)).map(({ file, value }) => `${file} ${value}`);

test('nothing is allowed but what the rules allow', () => {
  expect(writes('allow c 1:3 rwm', 'allow b *:* m')).toEqual([
    'devices.deny a',
    'devices.allow c 1:3 rwm',
    'devices.allow b *:* m',
  ]);
});

test('everything can be allowed but some', () => {
  expect(writes('allow a *:* rwm', 'deny c 1:5 w')).toEqual([
    'devices.deny a',
    'devices.allow a',
    'devices.deny c 1:5 w',
  ]);
});

test('a rule that changes nothing is left out', () => {
  expect(writes('deny c 1:5 w')).toEqual(['devices.deny a']);
});

test('a piece cannot be cut out of an allowed range: the kernel would ignore it', () => {
  expect(() => writes('allow c 1:* rw', 'deny c 1:5 w')).toThrow(
    /Cannot deny the device c 1:5 w: cgroup v1 cannot/,
  );
});

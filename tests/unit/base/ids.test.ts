import { expect, test } from 'vitest';
import { generateName, isId, isIdPrefix, newId, shortId } from '../../../src/base/ids.js';

test('newId makes 64 hex digits, different each time', () => {
  const ids = Array.from({ length: 2000 }, newId);
  expect(ids.every(isId)).toBe(true);
  expect(new Set(ids).size).toBe(2000);
});

test('isIdPrefix takes hex digits only', () => {
  expect(isIdPrefix('0af')).toBe(true);
  expect(isIdPrefix('web')).toBe(false);
  expect(isIdPrefix('')).toBe(false);
});

test('shortId cuts to twelve digits, without an algorithm', () => {
  expect(shortId(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});

test('generateName makes valid container names', () => {
  for (let turn = 0; turn < 200; turn += 1) expect(generateName()).toMatch(/^[a-z]+_[a-z]+$/);
  expect(generateName('7')).toMatch(/^[a-z]+_[a-z]+7$/);
});

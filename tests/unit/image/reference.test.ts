import { describe, expect, test } from 'vitest';
import { parseReference } from '../../../src/image/reference.js';

const hex = 'a'.repeat(64);

describe('parseReference', () => {
  test.each([
    ['busybox', 'busybox:latest'],
    ['busybox:1.36', 'busybox:1.36'],
    ['library/busybox', 'busybox:latest'],
    ['docker.io/library/busybox:latest', 'busybox:latest'],
    ['index.docker.io/team/app', 'team/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['quay.io/a/b_c/d--e.f', 'quay.io/a/b_c/d--e.f:latest'],
  ])('%s is %s', (text, familiar) => {
    expect(parseReference(text)).toMatchObject({ kind: 'name', familiar });
  });

  test('takes digests, with and without a name', () => {
    expect(parseReference(`sha256:${hex}`)).toEqual({ kind: 'digest', digest: `sha256:${hex}` });
    expect(parseReference(`app@sha256:${hex}`)).toEqual({
      kind: 'digest',
      digest: `sha256:${hex}`,
    });
  });

  test('lets a hexadecimal name be the start of an id, too', () => {
    expect(parseReference('beef')).toEqual({
      kind: 'name',
      familiar: 'beef:latest',
      idPrefix: 'beef',
    });
    expect(parseReference('beef:1')).toMatchObject({ idPrefix: null });
  });

  test.each([
    '',
    'UPPER',
    'a:',
    ':tag',
    'a b',
    '../etc',
    '/abs',
    'a//b',
    `a:${'t'.repeat(129)}`,
    'a\n',
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(/Cannot use image reference/);
  });
});

import { describe, expect, test } from 'vitest';
import { parseNamed, parseReference, parseTag } from '../../../src/image/reference.js';

const hex = 'a'.repeat(64);

describe('parseNamed', () => {
  test.each([
    ['busybox', 'docker.io', 'library/busybox', 'busybox'],
    ['library/busybox', 'docker.io', 'library/busybox', 'busybox'],
    ['docker.io/busybox', 'docker.io', 'library/busybox', 'busybox'],
    ['index.docker.io/team/app', 'docker.io', 'team/app', 'team/app'],
    ['library/a/b', 'docker.io', 'library/a/b', 'library/a/b'],
    ['localhost/app', 'localhost', 'app', 'localhost/app'],
    ['localhost:5000/a/b', 'localhost:5000', 'a/b', 'localhost:5000/a/b'],
    ['quay.io/library/x', 'quay.io', 'library/x', 'quay.io/library/x'],
    ['Host/app', 'Host', 'app', 'Host/app'],
    ['[::1]:5000/app', '[::1]:5000', 'app', '[::1]:5000/app'],
  ])('%s is %s and %s, shown as %s', (...[text, domain, path, familiarName]) => {
    expect(parseNamed(text)).toEqual({ domain, path, familiarName, tag: null, digest: null });
  });

  test('takes tag and digest apart, one, both or none of them', () => {
    expect(parseNamed(`app:v1@sha256:${hex}`)).toMatchObject({
      tag: 'v1',
      digest: `sha256:${hex}`,
    });
    expect(parseNamed('127.0.0.1:5000/app:v1')).toMatchObject({ tag: 'v1', digest: null });
  });

  test('refuses a name that is an id', () => {
    expect(() => parseNamed(hex)).toThrow(/Cannot use image reference/);
  });
});

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
    const digest = `sha256:${hex}`;
    expect(parseReference(digest)).toEqual({ kind: 'digest', digest, name: null });
    expect(parseReference(hex)).toEqual({ kind: 'digest', digest, name: null });
    expect(parseReference(`app@${digest}`)).toEqual({ kind: 'digest', digest, name: 'app' });
    expect(parseReference(`app:v1@${digest}`)).toEqual({ kind: 'digest', digest, name: 'app' });
  });

  test('lets a hexadecimal name be the start of an id, too', () => {
    expect(parseReference('beef')).toEqual({
      kind: 'name',
      familiar: 'beef:latest',
      idPrefix: 'beef',
    });
    expect(parseReference('sha256:beef')).toMatchObject({ idPrefix: 'beef' });
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
    'a@sha256:short',
    `${'n'.repeat(256)}`,
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(/Cannot use image reference/);
  });
});

describe('parseTag', () => {
  test('completes the tag, and refuses a digest', () => {
    expect(parseTag('docker.io/library/app')).toBe('app:latest');
    expect(() => parseTag(`app@sha256:${hex}`)).toThrow(/a digest is no tag/);
  });
});

import { describe, expect, test } from 'vitest';
import { layerName } from '../../../../src/image/layer/layer-names.js';

describe('layerName', () => {
  test.each([
    ['./', { kind: 'root' }],
    ['./a/b', { kind: 'entry', path: 'a/b', parents: ['a'] }],
    ['/a//b/', { kind: 'entry', path: 'a/b', parents: ['a'] }],
    ['a/.wh.b', { kind: 'whiteout', path: 'a/b' }],
    ['a/.wh..wh..opq', { kind: 'opaque', path: 'a' }],
    ['.wh..wh..opq', { kind: 'ignored' }],
    ['a/.wh..wh.plnk', { kind: 'ignored' }],
    ['a/..b', { kind: 'entry', path: 'a/..b', parents: ['a'] }],
  ])('reads %s', (path, expected) => {
    expect(layerName(path)).toEqual(expected);
  });

  test.each(['..', 'a/../b', '.wh.', 'a/.wh...', 'a/.wh..', 'a\0b'])('refuses %j', (path) => {
    expect(() => layerName(path)).toThrow(/would lead outside/);
  });
});

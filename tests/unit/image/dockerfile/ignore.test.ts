import { describe, expect, test } from 'vitest';
import { parseIgnore } from '../../../../src/image/dockerfile/ignore.js';

describe('.dockerignore', () => {
  test.each([
    ['node_modules', ['node_modules', 'node_modules/a/b'], ['a/node_modules', 'node_modules2']],
    ['**/*.log', ['a.log', 'a/b/c.log', 'a.log/b'], ['a.log2', 'log']],
    ['*.md\n!README.md', ['a.md'], ['README.md', 'a/b.md']],
    ['*.md\n!README*.md\nREADME-secret.md', ['README-secret.md'], ['README-x.md']],
    ['/a/./b/../c/', ['a/c', 'a/c/d'], ['a/b', 'c']],
    ['# a\n\n  b  \r\n', ['b'], ['a', '# a']],
    ['a?c/[x-z]*', ['abc/x', 'abc/zed'], ['ac/x', 'abc/w', 'abc']],
    ['a/**', ['a/b', 'a/b/c'], ['a', 'b/a/c']],
    ['a/**/z', ['a/z', 'a/b/c/z'], ['z', 'a/zz']],
    ['a\\*', ['a*'], ['ab']],
    ['a.b', ['a.b'], ['axb']],
  ])('%j', (content, ignored, kept) => {
    const { ignores } = parseIgnore(content);
    expect(ignored.filter((path) => !ignores(path))).toEqual([]);
    expect(kept.filter((path) => ignores(path))).toEqual([]);
  });

  test('says whether it brings something back, and refuses what is no pattern', () => {
    expect(parseIgnore('a\n!a/b').hasExceptions).toBe(true);
    expect(parseIgnore('a').hasExceptions).toBe(false);
    expect(() => parseIgnore('[a')).toThrow('lacks a ]');
  });
});

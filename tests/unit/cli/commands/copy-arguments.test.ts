import { describe, expect, test } from 'vitest';
import {
  copyTarget,
  isContentOnly,
  lastName,
  parseCopyEnd,
} from '../../../../src/cli/commands/files/copy-arguments.js';

describe('an end of a copy', () => {
  test.each([
    ['web:/etc', { kind: 'container', reference: 'web', path: '/etc' }],
    ['web:etc:x', { kind: 'container', reference: 'web', path: 'etc:x' }],
    ['/a:b', { kind: 'host', path: '/a:b' }],
    ['./a:b', { kind: 'host', path: './a:b' }],
    ['file', { kind: 'host', path: 'file' }],
    ['-', { kind: 'archive' }],
  ])('%s is understood', (text, end) => {
    expect(parseCopyEnd(text)).toEqual(end);
  });

  test.each(['web:', ':/x'])('%s is refused', (text) => {
    expect(() => parseCopyEnd(text)).toThrow('Not a path in a container');
  });
});

describe('the target of a copy', () => {
  const file = { path: '/s/file', type: 'other' } as const;
  const directory = { path: '/s/dir', type: 'directory' } as const;

  test.each([
    [file, { path: '/d', type: 'directory' }, { directory: '/d', name: 'file' }],
    [file, { path: '/d/new', type: 'missing' }, { directory: '/d', name: 'new' }],
    [file, { path: '/d/old', type: 'other' }, { directory: '/d', name: 'old' }],
    [file, { path: 'new', type: 'missing' }, { directory: '.', name: 'new' }],
    [file, { path: '/new', type: 'missing' }, { directory: '/', name: 'new' }],
    [directory, { path: '/d', type: 'directory' }, { directory: '/d', name: 'dir' }],
    [
      { ...directory, path: '/s/dir/.' },
      { path: '/d', type: 'directory' },
      { directory: '/d', name: undefined },
    ],
    [
      { ...directory, path: '/' },
      { path: '/d', type: 'directory' },
      { directory: '/d', name: undefined },
    ],
    [directory, { path: '/d/new/', type: 'missing' }, { directory: '/d', name: 'new' }],
  ] as const)('of %j to %j is %j', (source, destination, target) => {
    expect(copyTarget(source, destination)).toEqual(target);
  });

  test('is no file for a directory, and no missing directory for a file', () => {
    expect(() => copyTarget(directory, { path: '/d/file', type: 'other' })).toThrow(
      'a directory over a file',
    );
    expect(() => copyTarget(file, { path: '/d/new/', type: 'missing' })).toThrow(
      'no such directory',
    );
    expect(() => copyTarget(file, { path: '/d/file/', type: 'other' })).toThrow('Not a directory');
  });
});

test('names and the mark of a content', () => {
  expect([lastName('/a/b/'), lastName('/'), lastName('.'), lastName('a/.')]).toEqual([
    'b',
    '',
    '',
    'a',
  ]);
  expect([
    isContentOnly('a/.'),
    isContentOnly('.'),
    isContentOnly('a.'),
    isContentOnly('a/'),
  ]).toEqual([true, true, false, false]);
});

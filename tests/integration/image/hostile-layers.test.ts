import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeTree } from '../../../src/host/tree/remove-tree.js';
import { decompressed } from '../../../src/image/layer/compression.js';
import { unpackLayer } from '../../../src/image/layer/unpack-layer.js';
import { patched, tarMember, tarOf, type TestMember } from '../../fixtures/tar.js';
import { treeListing } from '../../fixtures/tree-listing.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner as host } from '../../program-runner.js';
import { newScope, type TestScope } from '../../scope.js';

const limits = { bytes: 4 << 20, entries: 1000 };
const evil = { content: 'evil' };
const symlink = (path: string, linkName: string): TestMember => ({
  path,
  type: 'symlink',
  linkName,
});
const link = (path: string, linkName: string): TestMember => ({ path, type: 'link', linkName });
const directory = (path: string): TestMember => ({ path, type: 'directory', mode: 0o755 });
const pax = (records: string): Buffer =>
  patched(tarMember({ path: 'PaxHeader', content: records }), 156, 'x');
const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const length = rest.length + 2;
  return `${length > 99 ? length + 1 : length}${rest}`;
};

/** Archives that must not be unpacked, by what they try, and the code of the error. */
const corpus: readonly (readonly [
  what: string,
  code: string,
  members: readonly (TestMember | Buffer)[],
])[] = [
  ['a parent directory', 'ARCHIVE_HOSTILE', [{ path: '../outside/new', ...evil }]],
  ['a parent directory in the middle', 'ARCHIVE_HOSTILE', [{ path: 'a/b/../../../new', ...evil }]],
  ['an absolute name with a parent', 'ARCHIVE_HOSTILE', [{ path: '/../outside/new', ...evil }]],
  ['an absolute link', 'ARCHIVE_HOSTILE', [symlink('l', '/etc'), { path: 'l/new', ...evil }]],
  ['a link to above', 'ARCHIVE_HOSTILE', [symlink('l', '../outside'), { path: 'l/new', ...evil }]],
  [
    'a chain of links',
    'ARCHIVE_HOSTILE',
    [
      directory('d'),
      symlink('d/a', '..'),
      symlink('b', 'd/a/..'),
      symlink('c', 'b/outside'),
      { path: 'c/new', ...evil },
    ],
  ],
  [
    'a link that takes a directory’s place',
    'ARCHIVE_HOSTILE',
    [directory('d'), { path: 'd/file', ...evil }, symlink('d', '/etc'), { path: 'd/new', ...evil }],
  ],
  [
    'a directory that a link leads to',
    'ARCHIVE_HOSTILE',
    [symlink('l', '../outside'), directory('l/sub'), { path: 'l/sub/new', ...evil }],
  ],
  [
    'links in a circle',
    'LAYER_NOT_UNPACKED',
    [symlink('a', 'b'), symlink('b', 'a'), { path: 'a/new', ...evil }],
  ],
  [
    'a link through /proc',
    'ARCHIVE_HOSTILE',
    [symlink('l', '/proc/self/root'), { path: 'l/new', ...evil }],
  ],
  ['a hard link to above', 'ARCHIVE_HOSTILE', [link('h', '../outside/secret')]],
  ['a hard link to a host file', 'LAYER_NOT_UNPACKED', [link('h', '/etc/passwd')]],
  [
    'a hard link through a link',
    'ARCHIVE_HOSTILE',
    [symlink('l', '../outside'), link('h', 'l/secret')],
  ],
  [
    'a hard link to a link, written through',
    'ARCHIVE_HOSTILE',
    [symlink('l', '../outside'), link('h', 'l'), { path: 'h/new', ...evil }],
  ],
  ['a whiteout of the parent', 'ARCHIVE_HOSTILE', [{ path: '.wh...' }]],
  ['a whiteout of nothing', 'ARCHIVE_HOSTILE', [{ path: 'a/.wh.' }]],
  [
    'a whiteout through a link',
    'ARCHIVE_HOSTILE',
    [symlink('l', '../outside'), { path: 'l/.wh.secret' }],
  ],
  [
    'an opaque mark through a link',
    'ARCHIVE_HOSTILE',
    [symlink('l', '../outside/sub'), { path: 'l/sub/.wh..wh..opq' }],
  ],
  [
    'a forged whiteout',
    'ARCHIVE_HOSTILE',
    [{ path: 'w', type: 'character-device', major: 0, minor: 0 }],
  ],
  [
    'other case than the link',
    'ARCHIVE_HOSTILE',
    [symlink('Link', '../outside'), { path: 'link/kept' }, { path: 'Link/new', ...evil }],
  ],
  [
    'a name with a NUL',
    'ARCHIVE_HOSTILE',
    [pax(record('path', 'a\0/../../new')), { path: 'x', ...evil }],
  ],
  [
    'an extended name with a parent',
    'ARCHIVE_HOSTILE',
    [pax(record('path', '../outside/new')), { path: 'x', ...evil }],
  ],
  [
    'an extended link name with a parent',
    'ARCHIVE_HOSTILE',
    [pax(record('linkpath', '../outside/secret')), link('x', 'y')],
  ],
  [
    'an id out of range',
    'ARCHIVE_HOSTILE',
    [pax(record('uid', '4294967295')), { path: 'x', ...evil }],
  ],
  ['a negative id', 'ARCHIVE_HOSTILE', [pax(record('gid', '-1')), { path: 'x', ...evil }]],
  [
    'a time that is no number',
    'ARCHIVE_CORRUPT',
    [pax(record('mtime', '1e999')), { path: 'x', ...evil }],
  ],
  ['a component that is too long', 'LAYER_NOT_UNPACKED', [{ path: 'n'.repeat(300), ...evil }]],
  ['a path that is too long', 'ARCHIVE_HOSTILE', [{ path: 'n/'.repeat(3000), ...evil }]],
  [
    'a size larger than the archive',
    'ARCHIVE_TRUNCATED',
    [{ path: 'x', content: 'short', size: 1 << 20 }],
  ],
  ['a size over the limit', 'LAYER_TOO_LARGE', [{ path: 'x', content: 'short', size: 2 ** 40 }]],
  [
    'a header that says it is huge',
    'ARCHIVE_CORRUPT',
    [patched(patched(tarMember({ path: 'x' }), 156, 'x'), 124, '77777777777\0')],
  ],
  ['a malformed extended header', 'ARCHIVE_CORRUPT', [pax('999 path=x\n'), { path: 'x' }]],
  [
    'a wrong checksum',
    'ARCHIVE_CORRUPT',
    [Buffer.concat([tarMember({ path: 'x' }).fill('y', 0, 1)])],
  ],
  [
    'a sparse file of a petabyte',
    'LAYER_TOO_LARGE',
    [
      pax(record('GNU.sparse.map', '') + record('GNU.sparse.size', '1125899906842624')),
      { path: 'x' },
    ],
  ],
  [
    'a sparse file whose parts overlap',
    'ARCHIVE_CORRUPT',
    [
      pax(record('GNU.sparse.map', '0,4,2,4') + record('GNU.sparse.size', '99')),
      { path: 'x', content: 'evilevil' },
    ],
  ],
  [
    'a sparse file with more content than its map',
    'ARCHIVE_CORRUPT',
    [
      pax(record('GNU.sparse.map', '0,2') + record('GNU.sparse.size', '99')),
      { path: 'x', ...evil },
    ],
  ],
  [
    'a sparse name with a parent',
    'ARCHIVE_HOSTILE',
    [
      pax(
        record('GNU.sparse.map', '0,4') +
          record('GNU.sparse.size', '4') +
          record('GNU.sparse.name', '../new'),
      ),
      { path: 'x', ...evil },
    ],
  ],
  [
    'more files than the limit',
    'LAYER_TOO_LARGE',
    Array.from({ length: 1001 }, (_, index) => ({ path: `f${index}` })),
  ],
  [
    'an unknown type of member',
    'ARCHIVE_MEMBER_TYPE',
    [patched(tarMember({ path: 'x' }), 156, 'Z')],
  ],
];

describeAsRoot('a hostile layer', () => {
  let scope: TestScope;
  let target: string;
  let outside: string;
  let before: string[];
  beforeEach(() => {
    scope = newScope();
    target = join(scope.directory, 'layers', 'fs');
    outside = join(scope.directory, 'layers', 'outside');
    mkdirSync(target, { recursive: true });
    mkdirSync(join(outside, 'sub'), { recursive: true });
    writeFileSync(join(outside, 'secret'), 'mine');
    before = treeListing(outside);
  });
  afterEach(async () => {
    await removeTree(scope.directory);
  });

  test.each(corpus)('is refused when it has %s', async (_what, code, members) => {
    await expect(unpackLayer(tarOf(members), target, { host, limits })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^Cannot (unpack layer|read archive): \P{Cc}+$/u) as unknown,
    });
    expect(treeListing(outside)).toEqual(before);
    expect(treeListing(join(scope.directory, 'layers')).map((line) => line.split("'")[1])).toEqual(
      expect.not.arrayContaining(['new']),
    );
    expect(readdirSync('/etc')).not.toContain('new');
  });

  test('is refused when a small blob becomes more than the limit, whatever it is compressed with', async () => {
    const zeros = Buffer.alloc(64 << 20);
    const plain = join(scope.directory, 'bomb.tar');
    writeFileSync(plain, Buffer.concat([tarMember({ path: 'x' }), Buffer.alloc(1024), zeros]));
    const blob = join(scope.directory, 'bomb');
    writeFileSync(blob, gzipSync(Buffer.concat([tarMember({ path: 'x' }), zeros])));
    execFileSync('zstd', ['-q', '-o', `${blob}.zst`, plain]);
    for (const file of [blob, `${blob}.zst`]) {
      expect(statSync(file).size).toBeLessThan(100_000);
      await expect(unpackLayer(decompressed(file), target, { host, limits })).rejects.toMatchObject(
        { code: 'LAYER_TOO_LARGE' },
      );
    }
  });

  test.each(['gzip', 'zstd'])(
    'is refused when its %s stream is damaged or cut',
    async (program) => {
      const tar = join(scope.directory, 'layer.tar');
      const content = Array.from({ length: 20_000 }, (_, index) => `${index} `).join('');
      const members = [tarMember({ path: 'x', content }), Buffer.alloc(1024)];
      writeFileSync(tar, Buffer.concat(members));
      const blob = execFileSync(program, ['-c', tar]);
      for (const bad of [blob.subarray(0, blob.length / 2), Buffer.from(blob).fill(7, 200, 260)]) {
        writeFileSync(tar, bad);
        const work = unpackLayer(decompressed(tar), target, { host, limits });
        await expect(work).rejects.toMatchObject({ kind: 'corrupt' });
      }
    },
  );
});

import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  encodeTarHeader,
  tarEnd,
  tarPadding,
  type TarEntry,
} from '../../../src/base/tar/tar-header.js';
import { packHostPath } from '../../../src/storage/pack-host-path.js';
import { unpackOnHost, type UnpackRequest } from '../../../src/storage/unpack-on-host.js';

let directory = '';
let target = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warren-unpack-'));
  target = join(directory, 'target');
  mkdirSync(target);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

type Member = Partial<TarEntry> & { readonly path: string; readonly content?: string };

function archive(...members: readonly Member[]): Readable {
  const parts = members.flatMap(({ content = '', ...member }) => [
    encodeTarHeader({
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtimeSeconds: 1_700_000_000,
      ...member,
    }),
    Buffer.from(content),
    tarPadding(content.length),
  ]);
  return Readable.from([Buffer.concat([...parts, tarEnd])]);
}

function unpack(
  source: Readable,
  request: Partial<UnpackRequest> = {},
): Promise<readonly string[]> {
  return unpackOnHost(source as AsyncIterable<Buffer>, {
    directory: target,
    keepOwners: false,
    ...request,
  });
}

describe('an archive of a container', () => {
  test('is unpacked with modes and times', async () => {
    const members = archive(
      { path: 'dir', type: 'directory', mode: 0o750 },
      { path: 'dir/file', mode: 0o640, content: 'hello' },
      { path: 'dir/hard', type: 'link', linkName: 'dir/file' },
      { path: 'link', type: 'symlink', linkName: '/etc/passwd' },
    );
    expect(await unpack(members)).toEqual([]);
    expect(readFileSync(join(target, 'dir/file'), 'utf8')).toBe('hello');
    expect(lstatSync(join(target, 'dir')).mode & 0o7777).toBe(0o750);
    expect(lstatSync(join(target, 'dir/file')).mode & 0o7777).toBe(0o640);
    expect(lstatSync(join(target, 'dir')).mtimeMs).toBe(1_700_000_000_000);
    expect(lstatSync(join(target, 'dir/hard')).ino).toBe(lstatSync(join(target, 'dir/file')).ino);
    expect(readlinkSync(join(target, 'link'))).toBe('/etc/passwd');
  });

  test('gets another name, its hard links too', async () => {
    const members = archive(
      { path: 'a', type: 'directory', mode: 0o755 },
      { path: 'a/x', content: '1' },
      { path: 'a/y', type: 'link', linkName: 'a/x' },
    );
    await unpack(members, { rename: { from: 'a', to: 'b' } });
    expect(readdirSync(join(target, 'b')).sort()).toEqual(['x', 'y']);
  });

  test('replaces files and links, and no directory by a file', async () => {
    writeFileSync(join(target, 'outside'), 'kept');
    symlinkSync('outside', join(target, 'file'));
    await unpack(archive({ path: 'file', content: 'new' }));
    expect(readFileSync(join(target, 'outside'), 'utf8')).toBe('kept');
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('new');
    mkdirSync(join(target, 'full'));
    await expect(unpack(archive({ path: 'full', content: '' }))).rejects.toThrow(
      'Cannot replace the directory full',
    );
  });

  test('loses setuid and setgid', async () => {
    await unpack(archive({ path: 'su', mode: 0o6755, content: 'x' }));
    expect(lstatSync(join(target, 'su')).mode & 0o7777).toBe(0o755);
  });

  test('has its devices and FIFOs left out, and named', async () => {
    const members = archive(
      { path: 'null', type: 'character-device', major: 1, minor: 3 },
      { path: 'pipe', type: 'fifo' },
      { path: 'f' },
    );
    expect(await unpack(members)).toEqual(['null', 'pipe']);
    expect(readdirSync(target)).toEqual(['f']);
  });

  test.each([
    ['a name with dots', [{ path: '../escaped', content: 'x' }]],
    [
      'a name below a link',
      [
        { path: 'l', type: 'symlink', linkName: '..' },
        { path: 'l/escaped', content: 'x' },
      ],
    ],
    [
      'a directory over a link',
      [
        { path: 'l', type: 'symlink', linkName: '..' },
        { path: 'l/d', type: 'directory' },
      ],
    ],
    ['a hard link to outside', [{ path: 'h', type: 'link', linkName: '../secret' }]],
    [
      'a hard link through a link',
      [
        { path: 'l', type: 'symlink', linkName: '..' },
        { path: 'h', type: 'link', linkName: 'l/secret' },
      ],
    ],
  ] as readonly (readonly [string, readonly Member[]])[])(
    'cannot lead outside by %s',
    async (_, members) => {
      writeFileSync(join(directory, 'secret'), 'secret');
      await expect(unpack(archive(...members))).rejects.toMatchObject({ code: 'ARCHIVE_HOSTILE' });
      expect(readdirSync(directory).sort()).toEqual(['secret', 'target']);
    },
  );

  test('starts anywhere when its names are absolute', async () => {
    await unpack(
      archive({ path: '/etc', type: 'directory', mode: 0o755 }, { path: '/etc/x', content: '1' }),
    );
    expect(readFileSync(join(target, 'etc/x'), 'utf8')).toBe('1');
  });
});

test('what is packed on the host is unpacked the same, under its new name', async () => {
  const source = join(directory, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub', 'ü'), 'content');
  symlinkSync('sub/ü', join(source, 'link'));
  await unpack(packHostPath({ path: source, memberName: 'copy', owners: 'root' }));
  expect(readFileSync(join(target, 'copy/sub/ü'), 'utf8')).toBe('content');
  expect(readlinkSync(join(target, 'copy/link'))).toBe('sub/ü');
  await unpack(packHostPath({ path: source, memberName: '', owners: 'kept' }));
  expect(readdirSync(target).sort()).toEqual(['copy', 'link', 'sub']);
});

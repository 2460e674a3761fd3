import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  encodeTarHeader,
  tarEnd,
  tarPadding,
  type TarEntry,
} from '../../../src/base/tar/tar-header.js';
import { removeTree } from '../../../src/host/tree/remove-tree.js';
import { unpackLayer, type UnpackResult } from '../../../src/image/layer/unpack-layer.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner } from '../../program-runner.js';
import { newScope, type TestScope } from '../../scope.js';

let scope: TestScope;
let target: string;

beforeEach(() => {
  scope = newScope();
  target = join(scope.directory, 'fs');
  mkdirSync(target);
});

afterEach(async () => {
  await removeTree(scope.directory);
});

type Member = Partial<TarEntry> & { readonly path: string; readonly content?: string };

const defaults = {
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 1000,
} as const;
const directory = (path: string): Member => ({ path, type: 'directory', mode: 0o755 });
const symlink = (path: string, linkName: string): Member => ({ path, type: 'symlink', linkName });

async function* tarOf(members: readonly Member[]): AsyncGenerator<Buffer> {
  for (const { content = '', ...member } of members) {
    const body = Buffer.from(content);
    yield encodeTarHeader({ ...defaults, ...member, size: body.length });
    yield body;
    yield tarPadding(body.length);
  }
  yield tarEnd;
}

function unpack(...members: Member[]): Promise<UnpackResult> {
  return unpackLayer(tarOf(members), target, { host: programRunner });
}

describeAsRoot('unpackLayer', () => {
  test('keeps ids, modes, times and links', async () => {
    const result = await unpack(
      { ...directory('./'), mode: 0o711 },
      { ...directory('d'), mode: 0o2775, uid: 3, gid: 4, mtimeSeconds: 5000 },
      { path: 'd/setuid', content: 'four', mode: 0o4755, uid: 1, gid: 2, mtimeSeconds: 6000 },
      { path: 'd/hard', type: 'link', linkName: './d/setuid' },
      { ...symlink('d/soft', '../nowhere'), uid: 9 },
    );
    expect(result).toEqual({ sizeBytes: 4, skippedDevices: 0 });
    expect(statSync(target).mode & 0o7777).toBe(0o711);
    const parent = statSync(join(target, 'd'));
    expect([parent.mode & 0o7777, parent.uid, parent.gid, parent.mtimeMs]).toEqual([
      0o2775, 3, 4, 5e6,
    ]);
    const file = statSync(join(target, 'd', 'setuid'));
    expect([file.mode & 0o7777, file.uid, file.nlink, file.mtimeMs]).toEqual([0o4755, 1, 2, 6e6]);
    expect(readlinkSync(join(target, 'd', 'soft'))).toBe('../nowhere');
    expect(lstatSync(join(target, 'd', 'soft')).uid).toBe(9);
  });

  test.each(['../x', 'a/../../x', '/../x', 'a/..'])('refuses %s', async (path) => {
    await expect(unpack({ path, content: 'evil' })).rejects.toMatchObject({
      code: 'ARCHIVE_HOSTILE',
    });
    expect(existsSync(join(scope.directory, 'x'))).toBe(false);
  });

  test('takes absolute names as names below the root', async () => {
    await unpack({ path: '/etc/hostname', content: 'x' });
    expect(readFileSync(join(target, 'etc', 'hostname'), 'utf8')).toBe('x');
  });

  test('writes through no link that leads outside', async () => {
    const outside = join(scope.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'mine');
    await unpack(
      symlink('absolute', outside),
      symlink('relative', '../outside'),
      symlink('over', join(outside, 'file')),
      { path: 'over', content: 'evil' },
      { path: 'relative/new', content: 'evil' },
      { path: 'absolute/new', content: 'evil' },
    ).catch((error: unknown) =>
      expect(error).toMatchObject({ code: expect.any(String) as unknown }),
    );
    expect(readdirSync(outside)).toEqual(['file']);
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('mine');
    expect(readFileSync(join(target, 'over'), 'utf8')).toBe('evil');
  });

  test('makes no hard link to what is outside', async () => {
    writeFileSync(join(scope.directory, 'secret'), 'mine');
    await expect(unpack({ path: 'x', type: 'link', linkName: '../secret' })).rejects.toMatchObject({
      code: 'ARCHIVE_HOSTILE',
    });
    await expect(
      unpack(symlink('up', '..'), { path: 'y', type: 'link', linkName: 'up/secret' }),
    ).rejects.toMatchObject({ code: 'ARCHIVE_HOSTILE' });
  });

  test('turns whiteouts into those of overlay', async () => {
    await unpack(
      directory('d'),
      { path: 'd/.wh..wh..opq' },
      { path: 'd/.wh.gone' },
      { path: 'e/f/.wh.gone' },
      { path: '.wh.kept' },
      { path: 'kept', content: 'here' },
      { path: '.wh..wh.aufs', content: 'x' },
    );
    for (const path of ['d/gone', 'e/f/gone']) {
      const { rdev } = lstatSync(join(target, path));
      expect(lstatSync(join(target, path)).isCharacterDevice()).toBe(true);
      expect(rdev).toBe(0);
    }
    expect(readFileSync(join(target, 'kept'), 'utf8')).toBe('here');
    expect(readdirSync(target).sort()).toEqual(['d', 'e', 'kept']);
    const opaque = execFileSync(
      join(
        import.meta.dirname,
        '..',
        '..',
        '..',
        'dist',
        'native',
        `linux-${process.arch}`,
        'warren-files',
      ),
      ['opaque', target],
      { encoding: 'utf8' },
    );
    expect(opaque).toBe('/d\n');
  });

  test('leaves devices out and makes FIFOs', async () => {
    const result = await unpack(
      { path: 'null', type: 'character-device', major: 1, minor: 3 },
      { path: 'disk', type: 'block-device', major: 8, minor: 0 },
      { path: 'pipe', type: 'fifo', mode: 0o600 },
    );
    expect(result.skippedDevices).toBe(2);
    expect(readdirSync(target)).toEqual(['pipe']);
    expect(statSync(join(target, 'pipe')).isFIFO()).toBe(true);
  });

  test('replaces files by directories and the other way round', async () => {
    await unpack(
      { path: 'a', content: 'x' },
      directory('a'),
      { path: 'a/b/c', content: 'x' },
      { path: 'a/b', content: 'now a file' },
    );
    expect(readFileSync(join(target, 'a', 'b'), 'utf8')).toBe('now a file');
  });
});

import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTar } from '../../../../src/base/tar/tar-reader.js';
import { type LayerEntry, tarOfEntries } from '../../../../src/image/layer/write-layer.js';

let directory = '';
let staging = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warren-layer-'));
  staging = join(directory, 'staging');
  mkdirSync(staging);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function members(...entries: readonly LayerEntry[]): Promise<string[]> {
  const found: string[] = [];
  for await (const member of readTar(await tarOfEntries(entries, staging))) {
    const { path, type, mode, uid, gid, mtimeSeconds, linkName } = member;
    const link = linkName === '' ? '' : ` -> ${linkName}`;
    expect([uid, gid, mtimeSeconds]).toEqual([0, 0, 0]);
    found.push(`${type} ${mode.toString(8)} ${path.replace(/\/$/, '')}${link}`);
  }
  return found;
}

const file = (path: string, mode = 0o644): LayerEntry => ({
  type: 'file',
  path,
  mode,
  content: Buffer.from(path),
});

describe('the tar of a layer', () => {
  test('belongs to root at the epoch, with the modes that were asked for and the directories on the way', async () => {
    const mask = process.umask(0o077);
    const found = await members(
      file('/usr/bin/b', 0o4755),
      { type: 'directory', path: '/tmp', mode: 0o1777 },
      { type: 'symlink', path: '/bin', target: 'usr/bin' },
    ).finally(() => process.umask(mask));
    expect(found).toEqual([
      'symlink 777 bin -> usr/bin',
      'directory 1777 tmp',
      'directory 755 usr',
      'directory 755 usr/bin',
      'file 4755 usr/bin/b',
    ]);
  });

  test('has each path once: the last one given', async () => {
    const link: LayerEntry = { type: 'symlink', path: '/a', target: 'x' };
    expect(await members(link, file('/a'))).toEqual(['file 644 a']);
  });

  test('is not written through a link that leads out of it', async () => {
    const link: LayerEntry = { type: 'symlink', path: '/out', target: directory };
    await expect(members(link, file('/out/escaped'))).rejects.toThrow('EEXIST');
    expect(readdirSync(directory)).toEqual(['staging']);
    expect(lstatSync(join(staging, 'out')).isDirectory()).toBe(true);
  });
});

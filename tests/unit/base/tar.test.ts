import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  encodeTarHeader,
  tarEnd,
  tarPadding,
  type TarEntry,
} from '../../../src/base/tar/tar-header.js';
import { readTar, type TarMember } from '../../../src/base/tar/tar-reader.js';

const file: TarEntry = {
  path: 'a',
  type: 'file',
  mode: 0o640,
  uid: 1000,
  gid: 1000,
  size: 0,
  mtimeSeconds: 1_700_000_000,
};

function archive(...members: (TarEntry & { content?: Buffer })[]): Buffer {
  const parts = members.flatMap(({ content = Buffer.alloc(0), ...entry }) => [
    encodeTarHeader({ ...entry, size: content.length }),
    content,
    tarPadding(content.length),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}

async function* chunksOf(data: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function readAll(data: Buffer, size = 100): Promise<(TarMember & { data: Buffer })[]> {
  const members: (TarMember & { data: Buffer })[] = [];
  for await (const member of readTar(chunksOf(data, size))) {
    const parts: Buffer[] = [];
    for await (const part of member.content) parts.push(part);
    members.push({ ...member, data: Buffer.concat(parts) });
  }
  return members;
}

describe('tar archives', () => {
  test('come back as they were written, in chunks of any size', async () => {
    const long = `${'directory/'.repeat(30)}name`;
    const written = archive(
      { ...file, path: 'd', type: 'directory', mode: 0o1777 },
      { ...file, path: 'd/f', content: Buffer.from('x'.repeat(1000)) },
      { ...file, path: long, content: Buffer.from('deep') },
      { ...file, path: 'd/l', type: 'symlink', linkName: `/${long}` },
      { ...file, path: 'd/h', type: 'link', linkName: 'd/f' },
      { ...file, path: 'dev', type: 'character-device', major: 260, minor: 70_000 },
      { ...file, path: 'huge-ids', uid: 0x1000_0000, gid: 4_294_967_294 },
    );
    for (const size of [1, 511, 512, 513, 100_000]) {
      const members = await readAll(written, size);
      expect(members.map(({ path, type }) => [path, type])).toEqual([
        ['d/', 'directory'],
        ['d/f', 'file'],
        [long, 'file'],
        ['d/l', 'symlink'],
        ['d/h', 'link'],
        ['dev', 'character-device'],
        ['huge-ids', 'file'],
      ]);
      expect(members[1]).toMatchObject({ mode: 0o640, uid: 1000, mtimeSeconds: 1_700_000_000 });
      expect(members[1]?.data.toString()).toBe('x'.repeat(1000));
      expect(members[3]?.linkName).toBe(`/${long}`);
      expect(members[5]).toMatchObject({ major: 260, minor: 70_000 });
      expect(members[6]).toMatchObject({ uid: 0x1000_0000, gid: 4_294_967_294 });
    }
  });

  test('keep names that are not UTF-8', async () => {
    const path = Buffer.from([0x66, 0xff, 0xfe]).toString('latin1');
    const long = `${path}/`.repeat(60);
    const members = await readAll(archive({ ...file, path }, { ...file, path: `${long}x` }));
    expect(members.map((member) => member.path)).toEqual([path, `${long}x`]);
  });

  test('are what GNU tar understands', () => {
    const long = `${'sub/'.repeat(60)}name`;
    const input = archive({ ...file, path: long, uid: 3_000_000, content: Buffer.from('abc') });
    const { stdout } = spawnSync('tar', ['-tvf', '-', '--numeric-owner'], { input });
    expect(stdout.toString()).toMatch(/^-rw-r----- 3000000\/1000 +3 2023-11-14 .*name\n$/);
  });

  test('of GNU tar are understood, with long names and sparse-free content', async () => {
    const script =
      'd=$(mktemp -d) && cd $d && n=$(printf "%0150d" 7) && echo hi > $n && ln $n two && ' +
      'tar --format=gnu -cf - $n two; rm -r $d';
    const { stdout } = spawnSync('sh', ['-c', script]);
    const members = await readAll(stdout);
    expect(members[0]?.path).toBe('7'.padStart(150, '0'));
    expect(members[0]?.data.toString()).toBe('hi\n');
    expect(members[1]).toMatchObject({ type: 'link', path: 'two', linkName: members[0]?.path });
  });

  test('give extended attributes as bytes', async () => {
    const value = Buffer.from([1, 0, 0, 2, 0xff, 0x0a, 0x3d]);
    const body = Buffer.concat([
      Buffer.from(' SCHILY.xattr.security.capability='),
      value,
      Buffer.from('\n'),
    ]);
    const record = Buffer.concat([Buffer.from(String(body.length + 2)), body]);
    const header = encodeTarHeader({ ...file, path: 'x', size: record.length });
    header.write('x', 156);
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const data = Buffer.concat([header, record, tarPadding(record.length), archive(file)]);
    const [member] = await readAll(data);
    expect(member?.xattrs.get('security.capability')).toEqual(value);
  });

  test('are refused when cut short, damaged or of an unknown kind', async () => {
    const whole = archive({ ...file, content: Buffer.from('abc') });
    await expect(readAll(whole.subarray(0, 300))).rejects.toMatchObject({
      code: 'ARCHIVE_TRUNCATED',
    });
    await expect(readAll(whole.subarray(0, 514))).rejects.toMatchObject({
      code: 'ARCHIVE_TRUNCATED',
    });
    const damaged = Buffer.from(whole);
    damaged.write('b', 0);
    await expect(readAll(damaged)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
    await expect(readAll(Buffer.from('not an archive'.repeat(100)))).rejects.toMatchObject({
      code: 'ARCHIVE_CORRUPT',
    });
  });

  test('may not make the reader buffer a huge header', async () => {
    const header = encodeTarHeader({ ...file, size: 1 << 30 });
    header.write('L', 156);
    header.write('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await expect(readAll(header)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' });
  });
});

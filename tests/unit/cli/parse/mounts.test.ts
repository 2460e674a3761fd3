import { describe, expect, test } from 'vitest';
import { parseMount } from '../../../../src/cli/parse/mount.js';
import { parseTmpfsFlag } from '../../../../src/cli/parse/tmpfs-flag.js';
import { parseVolumeFlag } from '../../../../src/cli/parse/volume-flag.js';

describe('--mount', () => {
  test('describes a bind mount', () => {
    expect(parseMount('type=bind,src=/a,dst=/b,ro,bind-propagation=rslave')).toEqual({
      type: 'bind',
      source: '/a',
      target: '/b',
      readOnly: true,
      recursive: true,
      createSource: false,
      idmap: false,
      propagation: 'rslave',
    });
  });

  test('takes a path with a comma in quotes', () => {
    expect(parseMount('type=bind,"source=/a,b",target=/c')).toMatchObject({
      source: '/a,b',
      readOnly: false,
    });
  });

  test('describes volumes, with and without a name', () => {
    expect(parseMount('source=data,destination=/d,readonly=false,volume-nocopy')).toEqual({
      type: 'volume',
      source: 'data',
      target: '/d',
      readOnly: false,
      noCopy: true,
    });
    expect(parseMount('type=volume,dst=/d')).toMatchObject({ source: '' });
  });

  test('describes a tmpfs', () => {
    expect(parseMount('type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0700')).toEqual({
      type: 'tmpfs',
      target: '/t',
      readOnly: false,
      noexec: true,
      sizeBytes: 2 ** 20,
      mode: 0o700,
    });
  });

  test.each([
    ['type=bind,dst=/b', 'needs source='],
    ['type=bind,src=a,dst=/b', 'absolute path'],
    ['type=bind,src=/a', 'needs dst='],
    ['type=bind,src=/a,dst=b', 'absolute path'],
    ['type=nfs,dst=/b', 'bind, volume or tmpfs'],
    ['type=bind,src=/a,dst=/b,bind-propagation=loud', 'one of private'],
    ['type=bind,src=/a,dst=/b,tmpfs-size=1m', 'no field "tmpfs-size"'],
    ['type=bind,src=/a,dst=/b,ro=perhaps', 'true or false'],
    ['type=bind,src=,dst=/b', 'empty'],
    ['type=tmpfs,src=/a,dst=/b', 'no source'],
    ['type=tmpfs,dst=/b,tmpfs-mode=9', 'octal'],
  ])('refuses %s: %s', (text, reason) => {
    expect(() => parseMount(text)).toThrow(reason);
  });
});

describe('--volume', () => {
  test.each([
    ['/a:/b', { type: 'bind', source: '/a', target: '/b', readOnly: false, createSource: true }],
    ['/a:/b:ro,rslave', { type: 'bind', readOnly: true, propagation: 'rslave' }],
    ['./x:/b', { type: 'bind', source: '/work/x' }],
    ['data:/b:ro,z', { type: 'volume', source: 'data', readOnly: true }],
    ['data:/b:nocopy', { type: 'volume', noCopy: true }],
    ['/b', { type: 'volume', source: '', target: '/b' }],
    ['/a:/b:idmap', { type: 'bind', idmap: true }],
  ])('%s is understood', (text, mount) => {
    expect(parseVolumeFlag(text, '/work')).toMatchObject(mount);
  });

  test.each([
    ['/a:b', 'absolute path'],
    ['/a:/', 'root directory'],
    [':/b', 'source is empty'],
    ['/a:/b:rx', 'no volume option "rx"'],
    ['/a:/b:ro:rw', 'too many colons'],
    ['a/b:/c', 'volume name'],
    ['data:/b:rslave', 'for bind mounts'],
    ['/a:/b:nocopy', 'for volumes'],
  ])('refuses %s: %s', (text, reason) => {
    expect(() => parseVolumeFlag(text, '/work')).toThrow(reason);
  });
});

describe('--tmpfs', () => {
  test('takes a target and options', () => {
    expect(parseTmpfsFlag('/run')).toEqual({ type: 'tmpfs', target: '/run' });
    expect(parseTmpfsFlag('/run:size=1m,mode=755,exec,nosuid')).toEqual({
      type: 'tmpfs',
      target: '/run',
      sizeBytes: 2 ** 20,
      mode: 0o755,
      noexec: false,
    });
    expect(parseTmpfsFlag('/run:uid=1000,gid=0')).toEqual({
      type: 'tmpfs',
      target: '/run',
      uid: 1000,
      gid: 0,
    });
    expect(() => parseTmpfsFlag('/run:uid=-1')).toThrow('a whole number, 0');
    expect(() => parseTmpfsFlag('run')).toThrow('absolute');
    expect(() => parseTmpfsFlag('/run:nr_inodes=5')).toThrow('no tmpfs option');
  });
});

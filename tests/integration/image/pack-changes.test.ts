import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTar } from '../../../src/base/tar/tar-reader.js';
import { packChanges } from '../../../src/image/layer/pack-changes.js';
import { unpackLayer } from '../../../src/image/layer/unpack-layer.js';
import { writeLayer } from '../../../src/image/layer/write-layer.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { treeListing } from '../../fixtures/tree-listing.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner as host } from '../../program-runner.js';

/** What a container does to its files. */
const changes = `
set -e
cd /tmp
rm /etc/nsswitch.conf
rm -r /var/spool && mkdir /var/spool && echo new >/var/spool/mail
echo content >file && chown 7:8 file && chmod 4755 file
ln file hard && ln -s /nowhere soft && mkfifo -m 620 pipe
mkdir -m 1777 sticky && printf x >"$(printf 'sp ace\\nline\\377')"
long=$(printf 'n%.0s' $(seq 200)) && mkdir $long && echo deep >$long/$long
truncate -s 9M sparse && printf end >>sparse
`;

describeAsRoot('a writable layer as a layer of an image', () => {
  let own: TestEngine;
  let upper: string;
  beforeAll(async () => {
    own = await openTestEngine();
    await own.engine.images.buildBase('busybox');
    const command = ['sh', '-c', changes];
    const container = await own.engine.run({ image: 'busybox', command });
    expect(await container.wait()).toMatchObject({ code: 0 });
    ({ upper } = (await container.inspect()).paths);
    execFileSync('touch', ['-d', '2021-05-06 07:08:09.123456789', join(upper, 'tmp/hard')]);
    execFileSync('setcap', ['cap_net_raw=ep', join(upper, 'tmp/file')]);
    execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', join(upper, 'tmp/sticky')]);
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  const membersOf = async (directory: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { path } of readTar(packChanges({ upper: directory, host }))) found.push(path);
    return found;
  };

  test('unpacks to what the container wrote, with whiteouts and opaque directories', async () => {
    const target = mkdtempSync(join(own.scope.directory, 'fs-'));
    await unpackLayer(packChanges({ upper, host }), target, { host });
    const timeless = (lines: string[]): string[] =>
      lines.map((line) => line.replace(/^(b'etc.nsswitch.conf' 0o20000 0 0 0) \d+ \d+/, '$1'));
    expect(timeless(treeListing(target))).toEqual(timeless(treeListing(upper)));
  });

  test('has the marks of OCI layers, and GNU tar reads it', async () => {
    const blob = join(own.scope.directory, 'layer.tar.gz');
    const written = await writeLayer(packChanges({ upper, host }), blob);
    expect(await writeLayer(packChanges({ upper, host }), `${blob}.2`)).toEqual(written);
    const names = execFileSync('tar', ['-tzf', blob], { encoding: 'utf8' }).split('\n');
    expect(names).toContain('etc/.wh.nsswitch.conf');
    expect(names).toContain('var/spool/.wh..wh..opq');
    const extracted = mkdtempSync(join(own.scope.directory, 'gnu-'));
    execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-xzpf', blob, '-C', extracted]);
    const wanted = treeListing(upper).filter((line) => line.startsWith("b'tmp"));
    expect(treeListing(extracted).filter((line) => line.startsWith("b'tmp"))).toEqual(wanted);
  });

  test('leaves empty mount points out, but not what was written into them', async () => {
    const tree = mkdtempSync(join(own.scope.directory, 'tree-'));
    mkdirSync(join(tree, 'run/secrets/empty'), { recursive: true });
    writeFileSync(join(tree, 'run/secrets/key'), '');
    const mountPoints = new Set(['run', 'run/secrets', 'run/secrets/empty', 'run/secrets/key']);
    const packed = async (): Promise<string[]> => {
      const found: string[] = [];
      const tar = packChanges({ upper: tree, host, mountPoints });
      for await (const { path } of readTar(tar)) found.push(path);
      return found;
    };
    expect(await packed()).toEqual([]);
    writeFileSync(join(tree, 'run/secrets/key'), 'written');
    expect(await packed()).toEqual(['run/', 'run/secrets/', 'run/secrets/key']);
  });

  test('follows no link, opens no FIFO and stops at a depth', async () => {
    const tree = mkdtempSync(join(own.scope.directory, 'tree-'));
    execFileSync('sh', ['-c', 'ln -s /etc link && mkfifo pipe && mknod null c 1 3'], { cwd: tree });
    expect(await membersOf(tree)).toEqual(['link', 'null', 'pipe']);
    const deep = mkdtempSync(join(own.scope.directory, 'deep-'));
    const program = 'import os\nfor _ in range(600): os.mkdir("d"); os.chdir("d")';
    execFileSync('python3', ['-c', program], { cwd: deep });
    await expect(membersOf(deep)).rejects.toMatchObject({
      code: 'ATTRIBUTES_FAILED',
      message: expect.stringContaining('name too long') as unknown,
    });
    expect(lstatSync(join(deep, 'd')).isDirectory()).toBe(true);
  });

  test('refuses names that would hide something when they are unpacked', async () => {
    const tree = mkdtempSync(join(own.scope.directory, 'tree-'));
    writeFileSync(join(tree, '.wh.passwd'), '');
    await expect(membersOf(tree)).rejects.toMatchObject({ code: 'RESERVED_NAME' });
    expect(readdirSync(tree)).toEqual(['.wh.passwd']);
  });
});

import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeTree } from '../../../src/host/tree/remove-tree.js';
import { openContainerFiles } from '../../../src/storage/container-files.js';
import type { ContainerFiles } from '../../../src/storage/driver.js';
import { openStorage } from '../../../src/storage/overlay-driver.js';
import { describeAsRoot, describeWith, kernel, root } from '../../privileges.js';
import { programRunner } from '../../program-runner.js';
import { newScope, type TestScope } from '../../scope.js';

let scope: TestScope;
let files: ContainerFiles;
let inside: ChildProcess | undefined;
const layers = ['layers/top/fs', 'layers/base/fs'];
const keep = { overwriteDirWithFile: false };

beforeEach(() => {
  scope = newScope();
  const base = join(scope.dataRoot, 'layers/base/fs');
  mkdirSync(join(base, 'etc'), { recursive: true });
  mkdirSync(join(base, 'proc'));
  writeFileSync(join(base, 'etc', 'passwd'), 'root:x:0:0\n');
  symlinkSync('/etc', join(base, 'conf'));
  symlinkSync('/etc/passwd', join(base, 'etc', 'link'));
  mkdirSync(join(scope.dataRoot, 'layers/top/fs/srv'), { recursive: true });
  writeFileSync(join(scope.dataRoot, 'layers/top/fs/srv/page'), 'hello', { mode: 0o600 });
});

afterEach(async () => {
  if (inside !== undefined) {
    const ended = once(inside, 'close');
    inside.kill('SIGKILL');
    await ended;
    inside = undefined;
  }
  await removeTree(scope.directory);
});

/** Names in the archive, as GNU tar reads them. */
async function listing(archive: Readable): Promise<string[]> {
  const input = await buffer(archive);
  const { stdout, status, stderr } = spawnSync('tar', ['-tf', '-'], { input, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim().split('\n').sort();
}

function archiveOf(script: string): Readable {
  const directory = join(scope.directory, `archive-${performance.now()}`);
  mkdirSync(directory);
  const { stdout } = spawnSync('sh', ['-ec', `cd ${directory}; ${script}; tar -cf - .`]);
  return Readable.from(stdout, { objectMode: false });
}

/** The same checks for a stopped container and for a running one. */
function sharedTests(upperFile: (path: string) => string): void {
  test('archives a file, a directory and the content of a directory', async () => {
    expect(await listing(await files.archive('/srv/page', { followLink: false }))).toEqual([
      'page',
    ]);
    expect(await listing(await files.archive('/srv', { followLink: false }))).toEqual([
      'srv/',
      'srv/page',
    ]);
    expect(await listing(await files.archive('/srv/.', { followLink: false }))).toEqual([
      './',
      './page',
    ]);
  });

  test('follows links on the way, the last one only when asked', async () => {
    expect(await listing(await files.archive('/conf/passwd', { followLink: false }))).toEqual([
      'passwd',
    ]);
    expect(await listing(await files.archive('/conf', { followLink: false }))).toEqual(['conf']);
    expect(await listing(await files.archive('/conf', { followLink: true }))).toEqual([
      'conf/',
      'conf/link',
      'conf/passwd',
    ]);
  });

  test('describes paths', async () => {
    expect(await files.stat('/srv/page')).toMatchObject({ name: 'page', size: 5, linkTarget: '' });
    expect(await files.stat('/conf/link')).toMatchObject({
      name: 'link',
      linkTarget: '/etc/passwd',
    });
    expect((await files.stat('/')).name).toBe('/');
    await expect(files.stat('/nothing/here')).rejects.toMatchObject({
      kind: 'notFound',
      message: 'Could not find the file /nothing/here in the container',
    });
    await expect(files.archive('/nothing', { followLink: false })).rejects.toMatchObject({
      kind: 'notFound',
    });
  });

  test('unpacks an archive, with owners, over what is there', async () => {
    const archive = archiveOf(
      'mkdir sub; echo new > passwd; echo x > sub/y; ln -s y sub/l; chown 7:8 sub/y',
    );
    await files.extract('/conf', archive, keep);
    expect(readFileSync(upperFile('etc/passwd'), 'utf8')).toBe('new\n');
    expect(statSync(upperFile('etc/sub/y'))).toMatchObject({ uid: 7, gid: 8 });
    expect(lstatSync(upperFile('etc/sub/l')).isSymbolicLink()).toBe(true);
    const all = await buffer(await files.archive('/etc/passwd', { followLink: false }));
    expect(all.toString('latin1')).toContain('new\n');
  });

  test('unpacks into directories only', async () => {
    await expect(files.extract('/etc/passwd', archiveOf('echo > x'), keep)).rejects.toMatchObject({
      code: 'NOT_A_DIRECTORY',
    });
    await expect(files.extract('/no/such', archiveOf('echo > x'), keep)).rejects.toMatchObject({
      kind: 'notFound',
    });
  });

  test('cannot be led outside by links of the container', async () => {
    const outside = join(scope.directory, 'outside');
    mkdirSync(outside);
    await files.extract('/', archiveOf(`ln -s ${outside} out; ln -s ../../../../.. up`), keep);
    for (const path of ['/out', '/up/' + outside]) {
      await expect(files.extract(path, archiveOf('echo > evil'), keep)).rejects.toMatchObject({
        kind: 'notFound',
      });
    }
    await files.extract('/', archiveOf('mkdir -p out; echo > out/evil'), keep);
    expect(readdirSync(outside)).toEqual([]);
  });

  test('exports the whole root, without other file systems in it', async () => {
    const names = await listing(await files.export());
    expect(names).toEqual(
      expect.arrayContaining([
        'conf',
        'etc/',
        'etc/link',
        'etc/passwd',
        'proc/',
        'srv/',
        'srv/page',
      ]),
    );
    expect(names.filter((name) => name.startsWith('proc/')).length).toBe(1);
  });
}

describeAsRoot('files of a stopped container', () => {
  beforeEach(async () => {
    const storage = openStorage({ dataRoot: scope.dataRoot, host: programRunner });
    const writable = await storage.prepare('c1');
    files = openContainerFiles(
      { dataRoot: scope.dataRoot, host: programRunner },
      { state: 'stopped', writable, layers },
    );
  });

  sharedTests((path) => join(scope.dataRoot, 'containers/c1/upper', path));

  test('show the writable layer above the image, and leave the image alone', async () => {
    await files.extract('/srv', archiveOf('echo mine > page'), keep);
    expect(readFileSync(join(scope.dataRoot, 'layers/top/fs/srv/page'), 'utf8')).toBe('hello');
    expect((await files.stat('/srv/page')).size).toBe(5);
  });

  test('leave no process and no temporary directory behind', async () => {
    const before = programRunner.started.length;
    const archive = await files.archive('/etc', { followLink: false });
    archive.destroy();
    await once(archive, 'close');
    await files.extract('/', archiveOf('echo > x'), keep);
    expect(programRunner.started.length).toBeGreaterThan(before);
    expect(
      existsSync(join(scope.dataRoot, 'tmp')) ? readdirSync(join(scope.dataRoot, 'tmp')) : [],
    ).toEqual([]);
    await expect
      .poll(() => spawnSync('pgrep', ['-f', `warren-files view ${'containers/c1'}`]).status)
      .toBe(1);
  });
});

describeAsRoot('files of a running container', () => {
  beforeEach(async () => {
    const root = join(scope.directory, 'root');
    mkdirSync(root);
    for (const layer of ['base', 'top']) {
      execFileSync('cp', ['-a', `${join(scope.dataRoot, 'layers', layer, 'fs')}/.`, root]);
    }
    chmodSync(root, 0o755);
    execFileSync('cp', ['/bin/busybox', join(root, 'busybox')]);
    const script = `mount --bind ${root} ${root} && mount -t proc proc ${root}/proc &&
      cd ${root} && mkdir .old && pivot_root . .old && /busybox umount -l /.old && echo ready && exec /busybox sleep 1000`;
    inside = spawn('unshare', ['-m', '-p', '-f', '--kill-child', 'sh', '-ec', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (inside.stdout === null) throw new Error('stdout is a pipe');
    await once(inside.stdout, 'data');
    const pid = readFileSync(`/proc/${inside.pid ?? 0}/task/${inside.pid ?? 0}/children`, 'utf8');
    files = openContainerFiles(
      { dataRoot: scope.dataRoot, host: programRunner },
      { state: 'running', pid: Number(pid), ids: null },
    );
  });

  sharedTests((path) => join(scope.directory, 'root', path));
});

// The fixture gives layers by descriptor.
describeWith(
  root.met ? kernel(6, 15) : root,
  'files of a running container with mapped ids',
  () => {
    const ids = { base: 500_000, count: 65_536 };
    const upper = (path: string): string => join(scope.dataRoot, 'containers/c1/upper', path);

    beforeEach(async () => {
      const writable = await openStorage({ dataRoot: scope.dataRoot, host: programRunner }).prepare(
        'c1',
      );
      const program = join(scope.directory, 'idmapped-root');
      const source = join(import.meta.dirname, 'fixtures', 'idmapped-root.c');
      execFileSync('gcc', ['-Wall', '-Wextra', '-Werror', '-o', program, source]);
      execFileSync('chown', ['-R', '3:4', join(scope.dataRoot, 'layers/base/fs/etc')]);
      const layer = 'layers/base/fs';
      const args = [scope.dataRoot, layer, writable.upper, writable.work, String(ids.base)];
      inside = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      if (inside.stdout === null) throw new Error('stdout is a pipe');
      await once(inside.stdout, 'data');
      files = openContainerFiles(
        { dataRoot: scope.dataRoot, host: programRunner },
        { state: 'running', pid: inside.pid ?? 0, ids },
      );
    });

    test('are archived with the ids that the container sees', async () => {
      const input = await buffer(await files.archive('/etc', { followLink: false }));
      const { stdout } = spawnSync('tar', ['--numeric-owner', '-tvf', '-'], {
        input,
        encoding: 'utf8',
      });
      expect(stdout).toMatch(/^drwxr-xr-x 3\/4 .* etc\/$/m);
      expect(stdout).toMatch(/^-rw-r--r-- 3\/4 .* etc\/passwd$/m);
    });

    test('are written with the ids of the archive, 0-based on disk', async () => {
      const archive = archiveOf(
        'mkdir d; echo x > d/f; ln d/f d/h; ln -s f d/l; mkfifo d/p; chown 7:8 d/f; chmod 4755 d/f',
      );
      await files.extract('/etc', archive, keep);
      const { uid, gid, mode, nlink } = statSync(upper('etc/d/f'));
      expect([uid, gid, mode & 0o7777, nlink]).toEqual([7, 8, 0o4755, 2]);
      expect(statSync(upper('etc/d')).uid).toBe(0);
      expect(lstatSync(upper('etc/d/l')).uid).toBe(0);
      expect(statSync(upper('etc/d/p')).isFIFO()).toBe(true);
      expect(statSync(`/proc/${inside?.pid ?? 0}/root/etc/d/f`).uid).toBe(ids.base + 7);
    });

    test('belong to root when the archive has ids that the container lacks', async () => {
      await files.extract('/', archiveOf('echo > f; chown 70000:70000 f'), keep);
      expect(statSync(upper('f'))).toMatchObject({ uid: 0, gid: 0 });
    });
  },
);

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockAcrossProcesses } from '../../../src/host/process-lock.js';
import { applyRecords, RecordFile } from '../../../src/host/tree/apply-records.js';
import { DirectoryHandle } from '../../../src/host/tree/directory-handle.js';
import { removeTree } from '../../../src/host/tree/remove-tree.js';
import { resolveInRoot } from '../../../src/host/tree/resolve-in-root.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner } from '../../program-runner.js';
import { newScope, type TestScope } from '../../scope.js';

let scope: TestScope;
let tree: string;

beforeEach(() => {
  scope = newScope();
  tree = join(scope.directory, 'tree');
  mkdirSync(tree);
});

afterEach(async () => {
  await removeTree(scope.directory);
});

async function resolved(path: string, followLast = false): Promise<string> {
  await using root = await DirectoryHandle.open(tree);
  await using place = await resolveInRoot(root, path, { followLast });
  return place.path;
}

describe('resolveInRoot', () => {
  beforeEach(() => {
    mkdirSync(join(tree, 'a', 'b'), { recursive: true });
    writeFileSync(join(tree, 'a', 'file'), '');
    symlinkSync('/a/b', join(tree, 'absolute'));
    symlinkSync('../../../../..', join(tree, 'a', 'up'));
    symlinkSync('/etc/passwd', join(tree, 'passwd'));
    symlinkSync('loop', join(tree, 'loop'));
  });

  test.each([
    ['/', '/'],
    ['a/./b/', '/a/b'],
    ['/a/b/../file', '/a/file'],
    ['/../../a', '/a'],
    ['/absolute/x', '/a/b/x'],
    ['/a/up/a/file', '/a/file'],
    ['/a/up/../..', '/'],
    ['/passwd', '/passwd'],
  ])('resolves %s to %s', async (path, expected) => {
    expect(await resolved(path)).toBe(expected);
  });

  test('follows the last link only when asked, and stays inside', async () => {
    expect(await resolved('/absolute', true)).toBe('/a/b');
    await expect(resolved('/passwd', true)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('refuses loops, files in the middle and endless paths', async () => {
    await expect(resolved('/loop/x')).rejects.toMatchObject({ code: 'TOO_MANY_LINKS' });
    await expect(resolved('/a/file/x')).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(resolved('a/'.repeat(3000))).rejects.toMatchObject({ code: 'PATH_TOO_LONG' });
  });

  test('cannot be raced out of the root by renames', async () => {
    const outside = join(scope.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), '');
    mkdirSync(join(tree, 'swap'));
    symlinkSync(outside, join(tree, 'link'));
    const script = `cd ${tree}; while :; do mv -T swap x; mv -T link swap; mv -T swap link; mv -T x swap; done`;
    const racer = spawn('sh', ['-c', script], { stdio: 'ignore' });
    try {
      const end = performance.now() + 1000;
      while (performance.now() < end) {
        await using root = await DirectoryHandle.open(tree);
        try {
          await using place = await resolveInRoot(root, '/swap/secret');
          await expect(place.parent.lstat('secret')).rejects.toMatchObject({ code: 'ENOENT' });
        } catch (error) {
          expect(['ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL']).toContain(
            (error as NodeJS.ErrnoException).code,
          );
        }
      }
    } finally {
      racer.kill('SIGKILL');
      await once(racer, 'close');
    }
  });
});

describe('openRegular', () => {
  test('refuses a FIFO instead of waiting for its writer', async () => {
    execFileSync('mkfifo', [join(tree, 'fifo')]);
    await using directory = await DirectoryHandle.open(tree);
    await expect(directory.openRegular('fifo')).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

describe('removeTree', () => {
  test('removes what is deeper than any path, and names that are not UTF-8', async () => {
    const script =
      'n=$(printf "%060d" 1); i=0; while [ $i -lt 120 ]; do mkdir $n && cd -P $n 2>/dev/null || exit; touch f; i=$((i+1)); done';
    execFileSync('sh', ['-c', `cd ${tree}; ${script}`]);
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]), '');
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });

  test('does not follow links', async () => {
    const outside = join(scope.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'keep'), '');
    symlinkSync(outside, join(tree, 'link'));
    await removeTree(tree);
    expect(readdirSync(outside)).toEqual(['keep']);
  });

  test('may be done by several at once, and of what is not there', async () => {
    for (let i = 0; i < 200; i += 1) mkdirSync(join(tree, `d${i}`, 'x', 'y'), { recursive: true });
    await Promise.all([removeTree(tree), removeTree(tree), removeTree(tree)]);
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });
});

describe('lockAcrossProcesses', () => {
  test('lets one in at a time and wakes the next', async () => {
    const order: string[] = [];
    const work = async (name: string): Promise<void> => {
      await using _lock = await lockAcrossProcesses(tree, 'x');
      order.push(`${name} in`);
      await delay(5);
      order.push(`${name} out`);
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(work));
    for (let i = 0; i < order.length; i += 2) {
      expect(order[i + 1]).toBe(order[i]?.replace('in', 'out'));
    }
  });

  test('is the same for every path to the directory, and another for another name', async () => {
    symlinkSync(tree, join(scope.directory, 'alias'));
    const lock = await lockAcrossProcesses(tree, 'x');
    await using _other = await lockAcrossProcesses(tree, 'y');
    let taken = false;
    const waiting = lockAcrossProcesses(join(scope.directory, 'alias'), 'x').then((next) => {
      taken = true;
      return next.release();
    });
    await delay(20);
    expect(taken).toBe(false);
    await lock.release();
    await waiting;
  });

  test('ends with its process', async () => {
    const module = join(import.meta.dirname, '..', '..', '..', 'dist', 'host', 'process-lock.js');
    const script = `import { lockAcrossProcesses } from ${JSON.stringify(module)};
      await lockAcrossProcesses(${JSON.stringify(tree)}, 'x'); console.log('locked'); setInterval(() => {}, 1000);`;
    const holder = spawn('node', ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const waiting = lockAcrossProcesses(tree, 'x');
    holder.kill('SIGKILL');
    await (await waiting).release();
  });

  test('gives up when the signal says so', async () => {
    await using _lock = await lockAcrossProcesses(tree, 'x');
    await expect(
      lockAcrossProcesses(tree, 'x', { signal: AbortSignal.timeout(20) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describeAsRoot('applyRecords', () => {
  const entry = { mode: 0o755, uid: 0, gid: 0, size: 0, mtimeSeconds: 1_000_000 } as const;

  async function apply(
    fill: (records: RecordFile) => Promise<void>,
    ids?: { base: number; count: number },
  ): Promise<void> {
    await using records = await RecordFile.create(
      join(scope.directory, `records-${performance.now()}`),
    );
    await fill(records);
    await applyRecords(programRunner, records, {
      root: tree,
      ...(ids === undefined ? {} : { ids }),
    });
  }

  async function* text(content: string): AsyncGenerator<Buffer> {
    yield Buffer.from(content);
  }

  test('makes directories, files, links and nodes with their attributes', async () => {
    await apply(async (records) => {
      await records.add({ ...entry, path: 'd', type: 'directory', mode: 0o1777 });
      await records.add({
        ...entry,
        path: 'd/deep/f',
        type: 'file',
        mode: 0o4711,
        uid: 5,
        gid: 6,
        size: 5,
      });
      await records.content(text('hello'));
      await records.add({
        ...entry,
        path: 'd/s',
        type: 'symlink',
        linkName: '/etc/passwd',
        uid: 7,
      });
      await records.add({ ...entry, path: 'd/h', type: 'link', linkName: '/d/deep/f' });
      await records.add({ ...entry, path: 'd/p', type: 'fifo', mode: 0o600 });
      await records.xattr('d/deep/f', 'user.note', Buffer.from('x'));
    });
    const file = statSync(join(tree, 'd', 'deep', 'f'));
    expect([file.mode & 0o7777, file.uid, file.gid, file.size, file.nlink]).toEqual([
      0o4711, 5, 6, 5, 2,
    ]);
    expect(file.mtimeMs).toBe(1_000_000_000);
    expect(statSync(join(tree, 'd')).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(tree, 'd', 'p')).isFIFO()).toBe(true);
  });

  test('gives mapped ids to what it makes', async () => {
    await apply(
      async (records) => {
        await records.add({ ...entry, path: 'made/f', type: 'file', uid: 10, gid: 20 });
      },
      { base: 500_000, count: 65_536 },
    );
    expect(statSync(join(tree, 'made')).uid).toBe(500_000);
    const { uid, gid } = statSync(join(tree, 'made', 'f'));
    expect([uid, gid]).toEqual([500_010, 500_020]);
  });

  test('stays inside, whatever links the tree has', async () => {
    const outside = join(scope.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'mine');
    symlinkSync(outside, join(tree, 'absolute'));
    symlinkSync('../outside', join(tree, 'relative'));
    symlinkSync(join(outside, 'file'), join(tree, 'last'));
    await apply(async (records) => {
      for (const path of ['last', 'relative/x']) {
        await records.add({ ...entry, path, type: 'file', size: 4 });
        await records.content(text('evil'));
      }
    }).catch((error: unknown) => expect(error).toMatchObject({ code: 'FILES_NOT_WRITTEN' }));
    await apply(async (records) => {
      await records.add({ ...entry, path: 'absolute/new', type: 'file' });
    }).catch((error: unknown) => expect(error).toMatchObject({ code: 'FILES_NOT_WRITTEN' }));
    expect(readdirSync(outside)).toEqual(['file']);
    expect(statSync(join(outside, 'file')).size).toBe(4);
    expect(statSync(join(tree, 'last')).isFile()).toBe(true);
  });

  test('replaces a directory by a file only when allowed', async () => {
    mkdirSync(join(tree, 'd', 'below'), { recursive: true });
    const record = (replaceDirectory: boolean) => (records: RecordFile) =>
      records.add({ ...entry, path: 'd', type: 'file' }, { replaceDirectory });
    await expect(apply(record(false))).rejects.toMatchObject({
      message: 'Cannot write d: is a directory',
    });
    await apply(record(true));
    expect(statSync(join(tree, 'd')).isFile()).toBe(true);
  });
});

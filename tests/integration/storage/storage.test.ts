import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeTree } from '../../../src/host/tree/remove-tree.js';
import type { Change, StorageDriver } from '../../../src/storage/driver.js';
import { openMergedView } from '../../../src/storage/merged-view.js';
import { openStorage } from '../../../src/storage/overlay-driver.js';
import { VolumeDirectories } from '../../../src/storage/volumes.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner } from '../../program-runner.js';
import { newScope, type TestScope } from '../../scope.js';

let scope: TestScope;
let dataRoot: string;
let storage: StorageDriver;

beforeEach(() => {
  scope = newScope();
  dataRoot = scope.dataRoot;
  storage = openStorage({ dataRoot, host: programRunner });
});

afterEach(async () => {
  await removeTree(scope.directory);
});

const at = (...parts: string[]): string => join(dataRoot, ...parts);

describe('the storage driver', () => {
  test('makes the directories of a container, and only once', async () => {
    const mask = process.umask(0o077);
    const layer = await storage.prepare('c1').finally(() => process.umask(mask));
    expect(layer).toEqual({ upper: 'containers/c1/upper', work: 'containers/c1/work' });
    expect(statSync(at('containers', 'c1')).mode & 0o777).toBe(0o700);
    expect(statSync(at(layer.upper)).mode & 0o777).toBe(0o755);
    await expect(storage.prepare('c1')).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await storage.found()).toEqual(['c1']);
  });

  test('writes the files of a container', async () => {
    await storage.prepare('c1');
    await storage.writeFiles('c1', [{ name: 'resolv.conf', content: 'nameserver 10.0.0.1\n' }]);
    expect(readFileSync(at('containers', 'c1', 'resolv.conf'), 'utf8')).toBe(
      'nameserver 10.0.0.1\n',
    );
    await expect(storage.writeFiles('c1', [{ name: '../x', content: '' }])).rejects.toThrow(/name/);
  });

  test('removes at once and frees later', async () => {
    await storage.prepare('c1');
    writeFileSync(at('containers', 'c1', 'upper', 'file'), 'x');
    await storage.remove('c1');
    await storage.remove('c1');
    expect(await storage.found()).toEqual([]);
    expect(readdirSync(at('trash')).length).toBe(1);
    await Promise.all([storage.emptyTrash(), storage.emptyTrash()]);
    expect(readdirSync(at('trash'))).toEqual([]);
  });

  test('refuses ids that lead elsewhere', async () => {
    for (const id of ['..', '../x', 'a/b', '']) {
      await expect(storage.prepare(id)).rejects.toMatchObject({ code: 'INVALID_NAME' });
    }
  });

  test('prepares, removes and frees 2,000 containers at once', async () => {
    const ids = Array.from({ length: 2000 }, (_, index) => `c${index}`);
    await Promise.all(ids.map((id) => storage.prepare(id)));
    await Promise.all(ids.map((id) => storage.remove(id)));
    await storage.emptyTrash();
    expect(await storage.found()).toEqual([]);
    expect(readdirSync(at('trash'))).toEqual([]);
  });

  test('counts each file once, whatever its names, and follows no link', async () => {
    const { upper } = await storage.prepare('c1');
    mkdirSync(at(upper, 'd'));
    writeFileSync(at(upper, 'd', 'file'), 'x'.repeat(1000));
    linkSync(at(upper, 'd', 'file'), at(upper, 'again'));
    symlinkSync('/', at(upper, 'root'));
    writeFileSync(at(upper, 'small'), 'y');
    expect(await storage.size('c1')).toBe(1001);
    expect(await storage.size('unknown')).toBe(0);
  });
});

describeAsRoot('diff', () => {
  const lower = 'layers/lower/fs';
  const top = 'layers/top/fs';

  beforeEach(() => {
    for (const path of ['etc/conf.d', 'opt/app', 'gone'])
      mkdirSync(at(lower, path), { recursive: true });
    for (const path of ['etc/passwd', 'etc/group', 'opt/app/old', 'opt/app/kept', 'gone/x']) {
      writeFileSync(at(lower, path), path);
    }
    mkdirSync(at(top, 'srv'), { recursive: true });
    writeFileSync(at(top, 'srv', 'page'), 'x');
  });

  /** Runs a shell on the merged layers, as a container would, then compares. */
  async function changesOf(script: string, layers: string[]): Promise<readonly Change[]> {
    const { upper, work } = await storage.prepare('c1');
    {
      await using view = await openMergedView({
        dataRoot,
        host: programRunner,
        layers,
        writable: { upper, work },
      });
      execFileSync('sh', ['-ec', `cd ${view.path}/; ${script}`]);
    }
    return storage.diff('c1', layers);
  }

  test.each([[[lower]], [[top, lower]]])(
    'tells additions, changes and deletions over %j',
    async (layers) => {
      const changes = await changesOf(
        `echo more >> etc/passwd; rm etc/group; echo new > etc/new; rm -r gone;
       rm -r opt/app; mkdir opt/app; echo again > opt/app/kept; ln -s /x link`,
        layers,
      );
      expect(changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
        'changed /etc',
        'deleted /etc/group',
        'added /etc/new',
        'changed /etc/passwd',
        'deleted /gone',
        'added /link',
        'changed /opt',
        'changed /opt/app',
        'changed /opt/app/kept',
        'deleted /opt/app/old',
      ]);
    },
  );

  test('of an untouched container is empty', async () => {
    expect(await changesOf('cat etc/passwd > /dev/null', [top, lower])).toEqual([]);
  });

  test('of a container without a writable layer on disk says so', async () => {
    await expect(storage.diff('none', [lower])).rejects.toMatchObject({
      code: 'NO_WRITABLE_LAYER',
    });
  });
});

describeAsRoot('volumes', () => {
  let volumes: VolumeDirectories;
  const layers = ['layers/image/fs'];

  beforeEach(() => {
    volumes = new VolumeDirectories({ dataRoot, host: programRunner });
    mkdirSync(at('layers/image/fs/data/sub'), { recursive: true });
    writeFileSync(at('layers/image/fs/data/sub/file'), 'content', { mode: 0o640 });
    execFileSync('chown', ['-R', '33:44', at('layers/image/fs/data')]);
    symlinkSync('/data', at('layers/image/fs/link'));
    symlinkSync('/etc', at('layers/image/fs/data/link'));
  });

  test('start with what the image has at their target', async () => {
    volumes.make('v');
    await volumes.populate('v', { layers, target: '/link' });
    const data = at(volumes.relativePath('v'));
    expect(readFileSync(join(data, 'sub', 'file'), 'utf8')).toBe('content');
    expect(statSync(join(data, 'sub', 'file'))).toMatchObject({ uid: 33, gid: 44 });
    expect(statSync(data)).toMatchObject({ uid: 33, gid: 44 });
    expect(readdirSync(data).sort()).toEqual(['link', 'sub']);
    expect(await volumes.size('v')).toBe(7);
  });

  test('keep what they have', async () => {
    volumes.make('v');
    writeFileSync(at(volumes.relativePath('v'), 'mine'), '');
    await volumes.populate('v', { layers, target: '/data' });
    expect(readdirSync(at(volumes.relativePath('v')))).toEqual(['mine']);
  });

  test('stay empty when the image has nothing there', async () => {
    volumes.make('v');
    await volumes.populate('v', { layers, target: '/none/at/all' });
    expect(readdirSync(at(volumes.relativePath('v')))).toEqual([]);
  });

  test('are filled once by many at the same time, and anew after a crash', async () => {
    volumes.make('v');
    await Promise.all(
      Array.from({ length: 8 }, () => volumes.populate('v', { layers, target: '/data' })),
    );
    const data = at(volumes.relativePath('v'));
    rmSync(join(data, 'sub'), { recursive: true });
    writeFileSync(at('volumes', 'v', 'populating'), '');
    await volumes.populate('v', { layers, target: '/data' });
    expect(readdirSync(data).sort()).toEqual(['link', 'sub']);
    expect(readdirSync(at('volumes', 'v'))).toEqual(['_data']);
  });

  test('are removed into the trash and have sane names', async () => {
    volumes.make('v');
    volumes.remove('v');
    volumes.remove('v');
    expect(existsSync(at('volumes', 'v'))).toBe(false);
    await storage.emptyTrash();
    for (const name of ['', '..', 'a/b', '-x', 'x'.repeat(129)]) {
      expect(() => volumes.make(name)).toThrow(/Cannot use volume name/);
    }
    expect(volumes.found()).toEqual([]);
  });
});

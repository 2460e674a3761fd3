import { execFileSync, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openImageStore } from '../../../src/image/store/open-store.js';
import type { ImageStore } from '../../../src/image/store/store.js';
import type { ProgressEvent } from '../../../src/model/events.js';
import { describeAsRoot } from '../../privileges.js';
import { programRunner } from '../../program-runner.js';
import { newScope, type TestScope } from '../../scope.js';

let scope: TestScope;
let store: ImageStore;

beforeEach(async () => {
  scope = newScope();
  store = await openImageStore({ dataRoot: scope.dataRoot, host: programRunner });
});

afterEach(() => {
  rmSync(scope.directory, { recursive: true });
});

const blob = (digest: string): Buffer =>
  readFileSync(join(scope.dataRoot, 'images', 'blobs', 'sha256', digest.slice(7)));
const sha256 = (data: Buffer): string =>
  `sha256:${createHash('sha256').update(data).digest('hex')}`;
const unused = { force: false, usedBy: (): string[] => [] };

describeAsRoot('the tiny image', () => {
  test('is built on first use, without a network, and found under its familiar names', async () => {
    const image = await store.ensure('tiny');
    expect(image.references).toEqual(['tiny:latest']);
    expect(image.config.command).toEqual(['pause']);
    for (const name of ['tiny:latest', 'docker.io/library/tiny', image.id, image.id.slice(7, 19)]) {
      expect((await store.get(name)).id).toBe(image.id);
    }
  });

  test('is an OCI image: every digest in it is right', async () => {
    const image = await store.ensure('tiny');
    const layout = join(scope.dataRoot, 'images');
    expect(readFileSync(join(layout, 'oci-layout'), 'utf8')).toContain('1.0.0');
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
      manifests: { digest: string; size: number }[];
    };
    const [entry] = index.manifests;
    const manifestBytes = blob(entry?.digest ?? '');
    expect(manifestBytes.length).toBe(entry?.size);
    expect(sha256(manifestBytes)).toBe(entry?.digest);
    const manifest = JSON.parse(manifestBytes.toString()) as {
      config: { digest: string; size: number };
      layers: { digest: string; size: number }[];
    };
    expect(manifest.config.digest).toBe(image.id);
    expect(sha256(blob(manifest.config.digest))).toBe(image.id);
    const layer = blob(manifest.layers[0]?.digest ?? '');
    expect(layer.length).toBe(manifest.layers[0]?.size);
    expect(sha256(layer)).toBe(manifest.layers[0]?.digest);
    expect(sha256(gunzipSync(layer))).toBe(image.diffIds[0]);
  });

  test('is readable by GNU tar', async () => {
    const image = await store.ensure('tiny');
    const manifest = readdirSync(join(scope.dataRoot, 'images', 'blobs', 'sha256'))
      .map((name) => join(scope.dataRoot, 'images', 'blobs', 'sha256', name))
      .find((path) => readFileSync(path)[0] === 0x1f);
    const listing = execFileSync('tar', ['-tzvf', manifest ?? ''], { encoding: 'utf8' });
    expect(listing).toMatch(/-rwxr-xr-x 0\/0 +\d+ 1970-01-01 00:00 bin\/warren-init\n/);
    expect(listing).toContain('bin/pause -> warren-init');
    expect(image.sizeBytes).toBeGreaterThan(10_000);
  });

  test('is unpacked once, with 0-based ids, by its chain id', async () => {
    const image = await store.ensure('tiny');
    expect(image.layers).toEqual([`layers/${image.diffIds[0]?.slice(7) ?? ''}/fs`]);
    const root = join(scope.dataRoot, image.layers[0] ?? '');
    expect(statSync(join(root, 'tmp')).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(root, 'root')).mode & 0o7777).toBe(0o700);
    expect(lstatSync(join(root, 'bin', 'warren-init')).uid).toBe(0);
    expect(readlinkSync(join(root, 'bin', 'probe'))).toBe('warren-init');
    expect(statSync(root).mode & 0o7777).toBe(0o755);
    expect(execFileSync(join(root, 'bin', 'echo'), ['hi'], { encoding: 'utf8' })).toBe('hi\n');
  });

  test('links every applet of its program', async () => {
    const image = await store.ensure('tiny');
    const bin = join(scope.dataRoot, image.layers[0] ?? '', 'bin');
    const help = execFileSync(join(bin, 'warren-init'), ['help'], { encoding: 'utf8' });
    const applets = [...help.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name);
    expect(applets.filter((name) => !existsSync(join(bin, name ?? '')))).toEqual([]);
  });

  test('has the same id wherever and whenever it is built', async () => {
    const first = await store.buildBase('tiny');
    const other = await openImageStore({
      dataRoot: join(scope.directory, 'other'),
      host: programRunner,
    });
    expect((await other.buildBase('tiny')).id).toBe(first.id);
    expect((await store.buildBase('tiny')).id).toBe(first.id);
    expect((await store.list()).length).toBe(1);
  });

  test('is unpacked again when its layer is gone', async () => {
    const image = await store.ensure('tiny');
    rmSync(join(scope.dataRoot, 'layers'), { recursive: true });
    const reopened = await openImageStore({ dataRoot: scope.dataRoot, host: programRunner });
    const again = await reopened.get('tiny');
    expect(existsSync(join(scope.dataRoot, again.layers[0] ?? '', 'bin', 'pause'))).toBe(true);
    expect(again.sizeBytes).toBe(image.sizeBytes);
  });

  test('leaves nothing in tmp', async () => {
    await store.ensure('tiny');
    expect(readdirSync(join(scope.dataRoot, 'tmp'))).toEqual([]);
  });
});

describeAsRoot('the image store', () => {
  test('says how to get an image that it does not have', async () => {
    await expect(store.get('debian')).rejects.toMatchObject({
      kind: 'notFound',
      code: 'IMAGE_NOT_FOUND',
      hint: 'Build it with: warren image build-base debian',
    });
    await expect(store.ensure('no/such:thing')).rejects.toMatchObject({ kind: 'notFound' });
    await expect(store.get('Not A Name')).rejects.toMatchObject({ kind: 'invalidArgument' });
    await expect(store.buildBase('nothing')).rejects.toMatchObject({ code: 'RECIPE_NOT_FOUND' });
  });

  test('removes an image with its blobs and layers', async () => {
    const image = await store.ensure('tiny');
    expect(await store.remove('tiny', unused)).toEqual({
      untagged: ['tiny:latest'],
      deleted: [image.id],
    });
    expect(await store.list()).toEqual([]);
    expect(readdirSync(join(scope.dataRoot, 'images', 'blobs', 'sha256'))).toEqual([]);
    expect(readdirSync(join(scope.dataRoot, 'layers'))).toEqual([]);
    expect(readdirSync(join(scope.dataRoot, 'trash'))).toEqual([]);
  });

  test('refuses to remove an image that a container uses; by force it only loses its name', async () => {
    const image = await store.ensure('tiny');
    const usedBy = (id: string): string[] => (id === image.id ? ['0123456789abcdef'] : []);
    await expect(store.remove('tiny', { force: false, usedBy })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'IMAGE_IN_USE',
      message: 'Cannot remove image tiny: it is used by 0123456789ab',
    });
    expect(await store.remove('tiny', { force: true, usedBy })).toEqual({
      untagged: ['tiny:latest'],
      deleted: [],
    });
    expect((await store.get(image.id)).references).toEqual([]);
    await store.collect([image.id]);
    expect(existsSync(join(scope.dataRoot, image.layers[0] ?? ''))).toBe(true);
    const { reclaimedBytes } = await store.collect([]);
    expect(reclaimedBytes).toBeGreaterThan(image.sizeBytes);
    expect(await store.list()).toEqual([]);
  });

  test('refuses a blob whose content was changed', async () => {
    const image = await store.ensure('tiny');
    const path = join(scope.dataRoot, 'images', 'blobs', 'sha256', image.id.slice(7));
    writeFileSync(path, readFileSync(path, 'utf8').replace('pause', 'PAUSE'));
    const reopened = await openImageStore({ dataRoot: scope.dataRoot, host: programRunner });
    await expect(reopened.get('tiny')).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
  });

  test('clears what a crashed build left, and nothing of a live one', async () => {
    const tmp = join(scope.dataRoot, 'tmp');
    mkdirSync(join(tmp, `image-${process.pid}-1-abc`, 'layer'), { recursive: true });
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    mkdirSync(join(tmp, `image-${process.pid}-${start}-abc`));
    await openImageStore({ dataRoot: scope.dataRoot, host: programRunner });
    expect(readdirSync(tmp)).toEqual([`image-${process.pid}-${start}-abc`]);
  });

  test('does the work once for builders in many processes', async () => {
    const script = join(scope.directory, 'build.mjs');
    const dist = join(import.meta.dirname, '..', '..', '..', 'dist');
    const module = join(dist, 'image', 'store', 'open-store.js');
    const runner = join(dist, 'host', 'linux', 'run.js');
    writeFileSync(
      script,
      `import { openImageStore } from ${JSON.stringify(module)};
       import { run } from ${JSON.stringify(runner)};
       const store = await openImageStore({ dataRoot: ${JSON.stringify(scope.dataRoot)}, host: { run } });
       const steps = [];
       const image = await store.ensure('tiny', { onProgress: (event) => steps.push(event.name) });
       process.send({ id: image.id, built: steps.includes('build') });`,
    );
    interface Report {
      id: string;
      built: boolean;
    }
    const reports = await Promise.all(
      Array.from(
        { length: 12 },
        () =>
          new Promise<Report>((resolve, reject) => {
            const child = fork(script);
            child.on('message', (message) => resolve(message as Report));
            child.on('exit', (code) =>
              code === 0 ? undefined : reject(new Error(`exit ${code ?? 'by signal'}`)),
            );
          }),
      ),
    );
    expect(new Set(reports.map(({ id }) => id)).size).toBe(1);
    expect(reports.filter(({ built }) => built).length).toBe(1);
  });
});

describeAsRoot('the busybox image', () => {
  test('has the program of the installed package, linked under all its names', async () => {
    const events: ProgressEvent[] = [];
    const image = await store.ensure('busybox', { onProgress: (event) => events.push(event) });
    const root = join(scope.dataRoot, image.layers[0] ?? '');
    expect(readlinkSync(join(root, 'bin', 'sh'))).toBe('/bin/busybox');
    expect(image.config.labels['org.opencontainers.image.version']).toMatch(/^1:1\.\d+/);
    expect(image.config.command).toEqual(['sh']);
    const hello = execFileSync('chroot', [root, '/bin/sh', '-c', 'echo hi | sed s/h/H/'], {
      encoding: 'utf8',
    });
    expect(hello).toBe('Hi\n');
    expect(events).toContainEqual({ kind: 'step', name: 'build', detail: 'busybox' });
  });
});

describeAsRoot('the busybox image without the package', () => {
  /** A machine without it, whose mirror serves a package with the same content. */
  function mirror(): typeof programRunner {
    return {
      ...programRunner,
      run: async (command, args, options) => {
        if (command === 'dpkg-query') return { code: 1, signal: null, stdout: '', stderr: 'none' };
        if (command !== 'apt-get') return programRunner.run(command, args, options);
        const root = join(scope.directory, 'package');
        mkdirSync(join(root, 'DEBIAN'), { recursive: true });
        mkdirSync(join(root, 'bin'));
        copyFileSync('/bin/busybox', join(root, 'bin', 'busybox'));
        writeFileSync(
          join(root, 'DEBIAN', 'control'),
          'Package: busybox-static\nVersion: 7:1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n',
        );
        return programRunner.run('dpkg-deb', ['--build', root, join(options?.cwd ?? '', 'b.deb')]);
      },
    };
  }

  test('is not built on its own, and is made from the downloaded package when asked', async () => {
    const bare = await openImageStore({ dataRoot: scope.dataRoot, host: mirror() });
    await expect(bare.ensure('busybox')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    const image = await bare.buildBase('busybox');
    expect(image.config.labels['org.opencontainers.image.version']).toBe('7:1');
    const root = join(scope.dataRoot, image.layers[0] ?? '');
    expect(execFileSync('chroot', [root, 'ls', '/bin/busybox'], { encoding: 'utf8' })).toBe(
      '/bin/busybox\n',
    );
    expect(readdirSync(join(scope.dataRoot, 'tmp'))).toEqual([]);
  });

  test('says what failed when there is no mirror, and leaves nothing', async () => {
    const offline: typeof programRunner = {
      ...programRunner,
      run: async () => ({ code: 100, signal: null, stdout: '', stderr: 'E: no network' }),
    };
    const bare = await openImageStore({ dataRoot: scope.dataRoot, host: offline });
    await expect(bare.buildBase('busybox')).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'Cannot run apt-get: E: no network',
    });
    expect(readdirSync(join(scope.dataRoot, 'tmp'))).toEqual([]);
    expect(await bare.list()).toEqual([]);
  });
});

describeAsRoot('a recipe of a folder', () => {
  test('is refused when a field is wrong', async () => {
    const recipe = join(scope.directory, 'recipe');
    mkdirSync(recipe);
    writeFileSync(join(recipe, 'recipe.json'), '{"name":"x","source":{"kind":"other"}}');
    await expect(store.buildBase('x', { recipe })).rejects.toMatchObject({
      code: 'INVALID_RECIPE',
    });
    writeFileSync(
      join(recipe, 'recipe.json'),
      JSON.stringify({
        name: 'x',
        source: { kind: 'warren-init', target: '/bin/x' },
        directories: [{ path: '/a/../../b' }],
        files: [],
        links: [],
        config: {},
      }),
    );
    await expect(store.buildBase('x', { recipe })).rejects.toMatchObject({
      message: /directories/,
    });
  });
});

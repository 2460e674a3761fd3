import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NewLayer } from '../../../src/image/add-image.js';
import { extendConfig } from '../../../src/image/history.js';
import { mediaTypes } from '../../../src/image/oci.js';
import { openImageStore } from '../../../src/image/store/open-store.js';
import type { ImageStore } from '../../../src/image/store/store.js';
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

const sha256 = (data: Buffer): string =>
  `sha256:${createHash('sha256').update(data).digest('hex')}`;
const unused = { force: false, usedBy: (): string[] => [] };

/** A layer with one file of this name, as a builder hands it over. */
function layerWith(name: string): { readonly diffId: string; readonly layer: NewLayer } {
  const content = join(scope.directory, name);
  writeFileSync(content, `content of ${name}\n`);
  const tar = execFileSync('tar', ['-C', scope.directory, '-c', name]);
  const blob = gzipSync(tar);
  const file = join(scope.dataRoot, 'tmp', `${name}.tar.gz`);
  writeFileSync(file, blob);
  return {
    diffId: sha256(tar),
    layer: {
      blob: { mediaType: mediaTypes.layerGzip, digest: sha256(blob), size: blob.length },
      file,
    },
  };
}

async function addOnTiny(name: string, references: readonly string[]): Promise<string> {
  await store.ensure('tiny');
  const parent = await store.documents('tiny');
  const { diffId, layer } = layerWith(name);
  const config = extendConfig(parent.config, { createdBy: `COPY ${name} /`, diffId });
  const layers = [...parent.manifest.layers.map((blob) => ({ blob })), layer];
  return (await store.add({ config, layers, references })).id;
}

function filesOfStore(): string[] {
  const blobs = readdirSync(join(scope.dataRoot, 'images', 'blobs', 'sha256'));
  return [...blobs, ...readdirSync(join(scope.dataRoot, 'layers'))].sort();
}

describeAsRoot('an image made of layers', () => {
  test('has its names at once, its parent’s layers, and one more step of history', async () => {
    const id = await addOnTiny('one', ['app', 'registry.test/app:v1']);
    const image = await store.get('app:latest');
    expect(image.id).toBe(id);
    expect(image.references).toEqual(['app:latest', 'registry.test/app:v1']);
    const tiny = await store.get('tiny');
    expect(image.layers.slice(1)).toEqual(tiny.layers);
    expect(image.sharedBytes).toBe(tiny.sizeBytes);
    expect(image.sizeBytes - image.sharedBytes).toBe('content of one\n'.length);
    const [newest, base] = await store.history('app');
    expect(newest).toMatchObject({
      imageId: id,
      createdBy: 'COPY one /',
      sizeBytes: 'content of one\n'.length,
      references: image.references,
    });
    expect(base).toMatchObject({ createdBy: 'warren image build-base tiny', imageId: null });
  });

  test('is read by skopeo out of the data root', async () => {
    await addOnTiny('one', ['app']);
    const layout = join(scope.dataRoot, 'images');
    const told = JSON.parse(
      execFileSync('skopeo', ['inspect', `oci:${layout}:app:latest`], { encoding: 'utf8' }),
    ) as { Layers: string[]; Architecture: string };
    expect(told.Layers).toHaveLength(2);
  });

  test('takes a name away from another image, which stays without one until it is pruned', async () => {
    const first = await addOnTiny('one', ['app']);
    const second = await addOnTiny('two', ['app']);
    expect((await store.get(first)).references).toEqual([]);
    await store.collect([]);
    await expect(store.get(first)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect((await store.get('app')).id).toBe(second);
  });

  test('keeps a name that it is tagged with, and refuses a digest as one', async () => {
    const id = await addOnTiny('one', ['app']);
    await store.tag('app', 'localhost:5000/team/app:v2');
    expect((await store.get(id)).references).toEqual(['app:latest', 'localhost:5000/team/app:v2']);
    await expect(store.tag('app', `app@${id}`)).rejects.toMatchObject({
      code: 'INVALID_REFERENCE',
    });
  });

  test('is not made when a layer that it counts on is gone, and leaves nothing', async () => {
    await store.ensure('tiny');
    const parent = await store.documents('tiny');
    const { diffId, layer } = layerWith('one');
    const config = extendConfig(parent.config, { createdBy: 'COPY one /', diffId });
    await store.remove('tiny', unused);
    const layers = [...parent.manifest.layers.map((blob) => ({ blob })), layer];
    await expect(store.add({ config, layers, references: ['app'] })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'LAYER_GONE',
    });
    expect(await store.list()).toEqual([]);
    expect(filesOfStore()).toEqual([]);
  });

  test('finds its layers under a lease although their image was removed meanwhile', async () => {
    await store.ensure('tiny');
    const parent = await store.documents('tiny');
    const { diffId, layer } = layerWith('one');
    const config = extendConfig(parent.config, { createdBy: 'COPY one /', diffId });
    const layers = [...parent.manifest.layers.map((blob) => ({ blob })), layer];
    await store.withLease('build app', async (lease) => {
      await lease.hold(parent.manifest.layers.map(({ digest }) => digest));
      await store.remove('tiny', unused);
      await store.add({ config, layers, references: ['app'] });
    });
    const image = await store.get('app');
    expect(statSync(join(scope.dataRoot, image.layers[0] ?? '', 'one')).isFile()).toBe(true);
    await store.remove('app', unused);
    expect(filesOfStore()).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../src/engine/engine.js';
import { eventually } from '../../faults/fixtures/eventually.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { expectCleanStore } from '../../fixtures/image-store.js';
import { RegistryProxy } from '../../fixtures/registry/registry-proxy.js';
import { TestRegistry } from '../../fixtures/registry/registry.js';
import { tarOf } from '../../fixtures/tar.js';
import { describeAsRoot } from '../../privileges.js';

/** What cannot be compressed: latin1 text of every byte below 128. */
function noise(bytes: number): string {
  return Buffer.from(randomBytes(bytes).map((byte) => byte & 0x7f)).toString('latin1');
}

let source: TestEngine;
let registry: TestRegistry;
let proxy: RegistryProxy;

beforeAll(async () => {
  source = await openTestEngine();
  const directory = join(source.scope.directory, 'registry');
  mkdirSync(directory);
  registry = await TestRegistry.start({ directory });
  proxy = await RegistryProxy.start(registry.host);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await source[Symbol.asyncDispose]();
});

async function secondRoot(name: string): Promise<Engine> {
  const { directory, cgroupParent } = source.scope;
  return await Engine.open({
    ...source.options,
    dataRoot: join(directory, name),
    runDir: join(directory, `${name}-run`),
    cgroupParent: `${cgroupParent}-${name}`,
  });
}

describeAsRoot('a registry behind a bad connection', () => {
  const mib = 1 << 20;

  /** An image with one layer of noise, as big as a chunk of an upload and a quarter. */
  const bigImage = async (name: string): Promise<string> => {
    const members = [{ path: 'noise', content: noise(20 * mib) }];
    return (await source.engine.images.import(tarOf(members), { reference: name })).id;
  };

  const uploaded = (name: string): string[] =>
    proxy
      .requests(new RegExp(`^PATCH .*/${name}/`))
      .map((line) => line.split(' ').at(-1)?.split('-')[0] ?? '');

  test('gets the rest of an upload that was not taken, and all again when it lost a part', async () => {
    const chunk = `${16 * mib}`;
    proxy.answer(new RegExp(`^PATCH .*/rest/.* ${chunk}-`), 502);
    await bigImage(`${proxy.host}/big/rest:v1`);
    await source.engine.images.push(`${proxy.host}/big/rest:v1`);
    // The config, which is small, comes last.
    expect(uploaded('rest')).toEqual(['0', chunk, chunk, '0']);
    // The registry of Docker cannot go on in the middle of a chunk.
    proxy.breakRequest(new RegExp(`^PATCH .*/again/.* ${chunk}-`), mib);
    await bigImage(`${proxy.host}/big/again:v1`);
    await source.engine.images.push(`${proxy.host}/big/again:v1`);
    expect(uploaded('again')).toEqual(['0', chunk, '0', chunk, '0']);
  });

  test('gives the rest of a download that broke', async () => {
    const name = `${proxy.host}/big/file:v1`;
    const id = await bigImage(name);
    await source.engine.images.push(name);
    const isLayer = new RegExp(`^GET .*/big/file/blobs/sha256:(?!${id.slice(7)})`);
    proxy.breakAnswer(isLayer, 3 * mib);
    proxy.breakAnswer(isLayer, 5 * mib);
    await using other = await secondRoot('second');
    await other.images.pull(name);
    const [first, ...rest] = proxy
      .requests(isLayer)
      .map((line) => Number(/ bytes=(\d+)-$/.exec(line)?.[1] ?? 0));
    expect(first).toBe(0);
    expect(rest).toHaveLength(2);
    expect(rest[0]).toBeGreaterThan(0);
    expect(rest[0]).toBeLessThanOrEqual(3 * mib);
    expect(rest[1]).toBeGreaterThan(rest[0] ?? 0);
    expect(rest[1]).toBeLessThanOrEqual(8 * mib);
    expect((await other.images.get(name)).id).toBe(id);
    expectCleanStore(join(source.scope.directory, 'second'));
  });

  test('loses nothing of what a pull has so far to those who free space meanwhile', async () => {
    const name = `${proxy.host}/big/pruned:v1`;
    const id = await bigImage(name);
    await source.engine.images.push(name);
    const isLayer = new RegExp(`^GET .*/big/pruned/blobs/sha256:(?!${id.slice(7)})`);
    await using other = await secondRoot('pruned');
    await using pruning = await secondRoot('pruned');
    const ingest = join(source.scope.directory, 'pruned', 'images', 'ingest');
    const stalled = proxy.stallAnswer(isLayer, 2 * mib);
    const pulling = other.images.pull(name);
    await stalled;
    await eventually('it is written', () =>
      readdirSync(ingest).some((each) => statSync(join(ingest, each)).size === 2 * mib),
    );
    await pruning.images.prune({ all: true });
    await pruning.images.pruneBuilds();
    proxy.breakStalled();
    await pulling;
    expect(proxy.requests(isLayer).map((line) => line.split(' ')[2])).toEqual([
      undefined,
      `bytes=${2 * mib}-`,
    ]);
    // What a container uses stays as well, and what nobody does goes.
    const container = await other.create({ image: name, command: ['/noise'] });
    await pruning.images.prune({ all: true });
    expect((await pruning.images.get(name)).id).toBe(id);
    await container.remove();
    await pruning.images.prune({ all: true });
    expect(await other.images.list()).toEqual([]);
    await other.system.shutdown({ force: true });
    // What the container left is freed behind its removal, and by the end of its engine.
    await other.close();
    expectCleanStore(join(source.scope.directory, 'pruned'));
  });

  test('is asked again when it is busy, and told of when it stays so', async () => {
    const name = `${proxy.host}/team/tiny:v1`;
    await source.engine.images.buildBase('tiny');
    await source.engine.images.tag('tiny', name);
    await source.engine.images.push(name);
    const manifests = /^GET .*\/team\/tiny\/manifests\//;
    proxy.answer(manifests, 503);
    proxy.answer(manifests, 429, { 'retry-after': '1' });
    await source.engine.images.pull(name);
    expect(proxy.requests(manifests)).toHaveLength(3);
    proxy.answer(manifests, 429, { 'retry-after': '3600' });
    await expect(source.engine.images.pull(name)).rejects.toMatchObject({
      kind: 'exhausted',
      code: 'REGISTRY_RATE_LIMITED',
    });
  });
});

describeAsRoot('an image for several platforms', () => {
  test('that buildah put together is pulled for this machine, or for another that is asked for', async () => {
    const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
    const name = (tag: string): string => `${registry.host}/many/platforms:${tag}`;
    const buildah = (...args: string[]): void => {
      const at = (path: string): string => join(source.scope.directory, 'buildah', path);
      const storage = ['--root', at('root'), '--runroot', at('run'), '--storage-driver', 'vfs'];
      execFileSync('buildah', [...storage, 'manifest', ...args], { stdio: 'ignore' });
    };
    buildah('create', 'index');
    const ids = new Map<string, string>();
    for (const platform of platforms) {
      const reference = name(platform.replaceAll('/', '-'));
      const members = [{ path: 'platform', content: platform }];
      const made = await source.engine.images.import(tarOf(members), { reference, platform });
      await source.engine.images.push(reference);
      buildah('add', '--tls-verify=false', 'index', `docker://${reference}`);
      ids.set(platform, made.id);
    }
    buildah('push', '--tls-verify=false', '--all', 'index', `docker://${name('all')}`);
    await using other = await secondRoot('platforms');
    const pull = async (platform?: string): Promise<string> => {
      const pulled = await other.images.pull(
        name('all'),
        platform === undefined ? {} : { platform },
      );
      expect(pulled.digest).not.toBe(pulled.manifest);
      return (await other.images.get(name('all'))).id;
    };
    const own = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
    expect(await pull()).toBe(ids.get(own));
    for (const platform of platforms) expect(await pull(platform)).toBe(ids.get(platform));
    await expect(pull('linux/s390x')).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
      hint: 'Choose another with --platform: linux/amd64, linux/arm64, linux/arm/v7',
    });
  });
});

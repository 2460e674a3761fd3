import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../src/engine/engine.js';
import type { ProgressEvent } from '../../../src/model/events.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { TestRegistry } from '../../fixtures/registry/registry.js';
import { tarOf } from '../../fixtures/tar.js';
import { describeAsRoot } from '../../privileges.js';

function folder(source: TestEngine, name: string): string {
  const path = join(source.scope.directory, name);
  mkdirSync(path);
  return path;
}

/** Another data root, beside that of the test's engine. */
async function secondRoot(test: TestEngine, name: string): Promise<Engine> {
  const { directory, cgroupParent } = test.scope;
  return await Engine.open({
    ...test.options,
    dataRoot: join(directory, name),
    runDir: join(directory, `${name}-run`),
    cgroupParent: `${cgroupParent}-${name}`,
  });
}

describeAsRoot('a registry', () => {
  let source: TestEngine;
  let plain: TestRegistry;

  beforeAll(async () => {
    source = await openTestEngine();
    plain = await TestRegistry.start({ directory: folder(source, 'plain') });
    await source.engine.images.buildBase('busybox');
  });

  afterAll(async () => {
    await plain[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
  });

  test('gets an image, and gives it to another data root with the same id, where it runs', async () => {
    const name = `${plain.host}/team/app:v1`;
    const tagged = await source.engine.images.tag('busybox', name);
    const events: ProgressEvent[] = [];
    const pushed = await source.engine.images.push(name, {
      onProgress: (event) => events.push(event),
    });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'layer', status: 'pushed' }));
    expect((await source.engine.images.get(name)).repoDigests).toEqual([
      `${plain.host}/team/app@${pushed.digest}`,
    ]);
    await using other = await secondRoot(source, 'second');
    const pulled = await other.images.pull(name);
    expect(pulled).toMatchObject({ reference: name, digest: pushed.digest, status: 'downloaded' });
    expect((await other.images.get(name)).id).toBe(tagged.id);
    expect((await other.images.pull(name)).status).toBe('upToDate');
    expect((await other.images.pull(`${plain.host}/team/app@${pushed.digest}`)).status).toBe(
      'upToDate',
    );
    const container = await other.run({ image: name, command: ['sleep', '60'] });
    expect((await container.exec(['echo', 'hi'])).stdout.toString()).toBe('hi\n');
    await container.remove({ force: true });
    await other.system.shutdown({ force: true });
  });

  test('is not sent what it has, and mounts what another repository of it has', async () => {
    const name = `${plain.host}/other/app:v1`;
    await source.engine.images.tag('busybox', name);
    const statuses: string[] = [];
    const onProgress = (event: ProgressEvent): void => {
      if (event.kind === 'layer') statuses.push(event.status);
    };
    await source.engine.images.push(name, { onProgress });
    expect(statuses).toContain('mounted');
    expect(statuses).not.toContain('uploading');
    statuses.length = 0;
    await source.engine.images.push(name, { onProgress });
    expect(new Set(statuses)).toEqual(new Set(['waiting', 'exists']));
  });

  test('is read by skopeo, and what skopeo wrote with Docker’s media types is pulled', async () => {
    const told = execFileSync(
      'skopeo',
      ['inspect', '--tls-verify=false', `docker://${plain.host}/team/app:v1`],
      { encoding: 'utf8' },
    );
    const manifest = JSON.parse(told) as { Digest: string };
    const own = await source.engine.images.get('busybox');
    expect(own.repoDigests.some((each) => each.endsWith(manifest.Digest))).toBe(true);
    const target = `docker://${plain.host}/skopeo/app:v2s2`;
    const options = ['--format', 'v2s2', '--src-tls-verify=false', '--dest-tls-verify=false'];
    execFileSync('skopeo', ['copy', ...options, `docker://${plain.host}/team/app:v1`, target]);
    await using other = await secondRoot(source, 'skopeo');
    await other.images.pull(`${plain.host}/skopeo/app:v2s2`);
    expect((await other.images.list())[0]?.diffIds).toEqual(own.diffIds);
  });

  test('is asked once for everything by fifty pulls at one time', async () => {
    const name = `${plain.host}/many/app:v1`;
    await source.engine.images.tag('busybox', name);
    await source.engine.images.push(name);
    await using first = await secondRoot(source, 'fifty');
    await using second = await secondRoot(source, 'fifty');
    const pulls = Array.from({ length: 50 }, (_, index) =>
      (index % 2 === 0 ? first : second).images.pull(name),
    );
    const results = await Promise.all(pulls);
    expect(results.filter(({ status }) => status === 'downloaded')).toHaveLength(1);
    const gets = plain.requests(/^GET \/v2\/many\/app\//);
    expect(gets).toHaveLength(new Set(gets).size);
    expect(gets.filter((request) => request.includes('/manifests/'))).toHaveLength(1);
    expect(gets.filter((request) => request.includes('/blobs/'))).toHaveLength(2);
  });

  test('goes on where an earlier try ended, and verifies the whole', async () => {
    const name = `${plain.host}/team/app:v1`;
    await using other = await secondRoot(source, 'resumed');
    const id = (await source.engine.images.get('busybox')).id;
    const document = join(source.options.dataRoot ?? '', 'images', 'index.json');
    const index = JSON.parse(readFileSync(document, 'utf8')) as { manifests: { digest: string }[] };
    const blobs = join(source.options.dataRoot ?? '', 'images', 'blobs', 'sha256');
    const manifest = JSON.parse(
      readFileSync(join(blobs, index.manifests[0]?.digest.slice(7) ?? ''), 'utf8'),
    ) as { layers: { digest: string }[] };
    const layer = manifest.layers[0]?.digest.slice(7) ?? '';
    const partial = join(source.scope.directory, 'resumed', 'images', 'ingest', layer);
    writeFileSync(partial, readFileSync(join(blobs, layer)));
    const size = statSync(partial).size;
    truncateSync(partial, Math.floor(size / 2));
    const starts: number[] = [];
    await other.images.pull(name, {
      onProgress: (event) => {
        if (event.kind === 'layer' && event.status === 'downloading' && event.total === size)
          starts.push(event.done);
      },
    });
    expect(Math.min(...starts)).toBeGreaterThanOrEqual(Math.floor(size / 2));
    expect((await other.images.get(name)).id).toBe(id);
    expect(readdirSync(join(source.scope.directory, 'resumed', 'images', 'ingest'))).toEqual([]);
  });

  test('gives a build the images that it is made from, newer ones when that is asked for', async () => {
    const name = `${plain.host}/team/base:v1`;
    const publish = async (version: string): Promise<string> => {
      const content = tarOf([{ path: 'version', content: version }]);
      const made = await source.engine.images.import(content, { reference: name });
      await source.engine.images.push(name);
      return made.diffIds[0] ?? '';
    };
    const context = folder(source, 'build');
    writeFileSync(join(context, 'Dockerfile'), `FROM ${name}\nCOPY --from=${name} version /copy`);
    await using other = await secondRoot(source, 'building');
    const base = async (pull: 'always' | 'missing' | 'never'): Promise<string | undefined> =>
      (await other.images.build({ context, pull })).diffIds[0];
    const old = await publish('1');
    await expect(base('never')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(await base('missing')).toBe(old);
    const now = await publish('2');
    expect(await base('missing')).toBe(old);
    expect(await base('always')).toBe(now);
  });

  test('that has no such image is a clear error', async () => {
    await expect(source.engine.images.pull(`${plain.host}/team/nothing:v1`)).rejects.toMatchObject({
      kind: 'notFound',
      code: 'REGISTRY_NOT_FOUND',
    });
    await expect(source.engine.images.pull(`127.0.0.1:1/app`)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'REGISTRY_UNREACHABLE',
    });
  });

  test('lists its tags, all of which are pulled', async () => {
    await source.engine.images.tag('busybox', `${plain.host}/team/app:v2`);
    await source.engine.images.push(`${plain.host}/team/app:v2`);
    await using other = await secondRoot(source, 'tags');
    const pulled = await other.images.pullAll(`${plain.host}/team/app`);
    expect(pulled.map(({ reference }) => reference).sort()).toEqual([
      `${plain.host}/team/app:v1`,
      `${plain.host}/team/app:v2`,
    ]);
  });
});

import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('archives of images', () => {
  let source: TestEngine;
  let target: TestEngine;
  let directory: string;

  beforeAll(async () => {
    source = await openTestEngine();
    target = await openTestEngine();
    directory = join(source.scope.directory, 'archives');
    mkdirSync(directory);
    await source.engine.images.buildBase('busybox');
    await source.engine.images.buildBase('tiny');
    await source.engine.images.tag('busybox', 'team/box:v1');
  });

  afterAll(async () => {
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  async function saved(...references: readonly string[]): Promise<Buffer> {
    return await buffer(await source.engine.images.save(references));
  }

  const load = (content: Buffer): ReturnType<typeof target.engine.images.load> =>
    target.engine.images.load(Readable.from([content], { objectMode: false }));

  test('hold several images with their names, and the same images give the same bytes', async () => {
    const archive = await saved('busybox', 'team/box:v1', 'tiny');
    expect((await saved('busybox', 'team/box:v1', 'tiny')).equals(archive)).toBe(true);
    const { images } = await load(gzipSync(archive));
    expect(images.flatMap(({ references }) => references).sort()).toEqual([
      'busybox:latest',
      'team/box:v1',
      'tiny:latest',
    ]);
    const box = await target.engine.images.get('team/box:v1');
    expect(box.id).toBe((await source.engine.images.get('busybox')).id);
    expect(box.references).toEqual(['busybox:latest', 'team/box:v1']);
  });

  test('are read by skopeo as docker-archive and as OCI layout', async () => {
    const file = join(directory, 'skopeo.tar');
    writeFileSync(file, await saved('busybox'));
    const id = (await source.engine.images.get('busybox')).id.slice(7);
    const config = execFileSync('skopeo', ['inspect', '--raw', `docker-archive:${file}`]);
    expect(config.toString()).toContain(id);
    const layout = join(directory, 'layout');
    await source.engine.images.push('busybox', { destination: `oci:${layout}:box` });
    const told = execFileSync('skopeo', ['inspect', `oci:${layout}:box`], { encoding: 'utf8' });
    expect(told).toContain('Layers');
    const unpacked = join(directory, 'bundle');
    execFileSync('umoci', ['unpack', '--image', `${layout}:box`, unpacked]);
    expect(readdirSync(join(unpacked, 'rootfs', 'bin'))).toContain('busybox');
  });

  test('of umoci and buildah, and oci-archives, are taken', async () => {
    const layout = join(directory, 'umoci');
    await source.engine.images.push('busybox', { destination: `oci:${layout}:box` });
    execFileSync('umoci', ['config', '--image', `${layout}:box`, '--config.label', 'made=umoci']);
    const pulled = await target.engine.images.pull(`oci:${layout}:box`);
    expect((await target.engine.images.get(pulled.manifest)).config.labels['made']).toBe('umoci');
    const file = join(directory, 'app.oci.tar');
    execFileSync('skopeo', ['copy', `oci:${layout}:box`, `oci-archive:${file}:copied/app:v1`]);
    const again = await target.engine.images.pull(`oci-archive:${file}:copied/app:v1`);
    expect(again.reference).toBe('copied/app:v1');
  });

  test('in Docker’s old layout keep the image’s id', async () => {
    const file = join(directory, 'old.tar');
    const from = join(directory, 'new.tar');
    writeFileSync(from, await saved('busybox'));
    execFileSync('skopeo', ['copy', `docker-archive:${from}`, `docker-archive:${file}:old/app:v1`]);
    const { images } = await target.engine.images.load(
      createReadStream(file) as AsyncIterable<Buffer>,
    );
    expect(images[0]?.references).toEqual(['old/app:v1']);
    const old = await target.engine.images.get('old/app:v1');
    expect(old.diffIds).toEqual((await source.engine.images.get('busybox')).diffIds);
  });

  test.each([
    ['no archive at all', Buffer.from('not a tar'.repeat(100))],
    ['a root file system', execFileSync('tar', ['-C', '/etc', '-c', 'hostname'])],
  ])('%s is refused, and leaves nothing', async (_what, content) => {
    await expect(load(content)).rejects.toMatchObject({ kind: 'corrupt' });
    expect(readdirSync(join(target.options.dataRoot ?? '', 'tmp'))).toEqual([]);
  });

  test('of a container’s files become an image with one layer and the given config', async () => {
    const container = await source.engine.create({ image: 'busybox', command: ['true'] });
    const archive = await container.files.export();
    const image = await target.engine.images.import(archive as AsyncIterable<Buffer>, {
      reference: 'flat:v1',
      changes: ['CMD ["cat", "/etc/passwd"]', 'ENV A=b', 'WORKDIR /tmp'],
      message: 'flattened',
    });
    expect(image).toMatchObject({ references: ['flat:v1'], comment: 'flattened' });
    expect(image.config).toMatchObject({
      command: ['cat', '/etc/passwd'],
      env: ['A=b'],
      workingDir: '/tmp',
    });
    expect(image.diffIds).toHaveLength(1);
  });
});

describeAsRoot('commit', () => {
  test('keeps what a running container changed, and the config that it runs with', async () => {
    await using made = await openTestEngine();
    const { engine } = made;
    await engine.images.buildBase('busybox');
    const container = await engine.run({
      image: 'busybox',
      command: ['sleep', '600'],
      env: { COLOUR: 'green' },
    });
    await container.exec(['sh', '-c', 'echo kept >/kept; rm /etc/passwd']);
    const image = await engine.images.commit(container.id, {
      reference: 'kept:v1',
      author: 'me',
      message: 'as it was',
      changes: ['LABEL committed=yes'],
    });
    expect((await container.state()).status).toBe('running');
    expect(image.config.env).toContain('COLOUR=green');
    expect(image.config.labels).toMatchObject({ committed: 'yes' });
    const [newest] = await engine.images.history('kept:v1');
    expect(newest).toMatchObject({
      imageId: image.id,
      comment: 'as it was',
      createdBy: 'sleep 600',
    });
    const again = await engine.run({ image: 'kept:v1' });
    const shown = await again.exec(['sh', '-c', 'cat /kept; ls /etc/passwd; echo $COLOUR']);
    expect(shown.stdout.toString()).toBe('kept\ngreen\n');
    const usage = await engine.system.diskUsage();
    expect(usage.find(({ type }) => type === 'Images')).toMatchObject({ total: 2, active: 2 });
    expect(readdirSync(join(made.options.dataRoot ?? '', 'tmp'))).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { TestDocker } from '../fixtures/docker-engine.js';
import { TestRegistry } from '../fixtures/registry/registry.js';
import { describeAsRoot } from '../privileges.js';

describeAsRoot('images between Warren and Docker', () => {
  let cli: TestCli;
  let docker: TestDocker;
  let registry: TestRegistry;

  beforeAll(async () => {
    cli = new TestCli();
    docker = await TestDocker.start(join(cli.scope.directory, 'docker'));
    registry = await TestRegistry.start({ directory: join(cli.scope.directory, 'registry') });
    await cli.output('image', 'build-base', 'busybox');
  });

  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await docker[Symbol.asyncDispose]();
    await cli[Symbol.asyncDispose]();
  });

  const env = (): NodeJS.ProcessEnv => ({ DOCKER_HOST: docker.socket });

  test('a container is committed, saved, and runs in Docker with its files and command', async () => {
    await cli.output('run', '--name', 'work', 'busybox', 'sh', '-c', 'echo from warren >/note');
    const id = await cli.output('commit', '-c', 'CMD ["cat", "/note"]', 'work', 'noted:v1');
    const file = join(cli.scope.directory, 'noted.tar');
    await cli.output('save', '-o', file, 'noted:v1');
    expect(docker.run(['load', '-i', file]).toString()).toContain('noted:v1');
    expect(docker.run(['image', 'inspect', '-f', '{{.Id}}', 'noted:v1']).toString().trim()).toBe(
      id,
    );
    const output = docker.run(['run', '--rm', '--network', 'none', 'noted:v1']).toString();
    expect(output).toBe('from warren\n');
  });

  test('what Docker made and saved is loaded with the same id, and runs', async () => {
    await cli.output('save', '-o', join(cli.scope.directory, 'box.tar'), 'busybox');
    docker.run(['load', '-i', join(cli.scope.directory, 'box.tar')]);
    docker.run([
      ...['run', '--name', 'made', '--network', 'none', 'busybox'],
      ...['sh', '-c', 'echo from docker >/note'],
    ]);
    docker.run(['commit', '-c', 'CMD ["cat", "/note"]', 'made', 'made/by:docker']);
    const id = docker
      .run(['image', 'inspect', '-f', '{{.Id}}', 'made/by:docker'])
      .toString()
      .trim();
    const archive = join(cli.scope.directory, 'made.tar');
    docker.run(['save', '-o', archive, 'made/by:docker']);
    expect(await cli.output('load', '-i', archive)).toBe('Loaded image: made/by:docker');
    expect(await cli.output('image', 'inspect', '--format', '{{.Id}}', 'made/by:docker')).toBe(id);
    expect(await cli.output('run', '--rm', 'made/by:docker')).toBe('from docker');
    docker.run(['rm', 'made']);
  });

  test('Docker’s store is pulled from and pushed to', async () => {
    const pushed = await cli.run(['push', 'busybox', 'docker-daemon:sent:v1'], { env: env() });
    expect(pushed.stderr).toBe('');
    expect(docker.run(['images', '-q', 'sent:v1']).toString().trim()).not.toBe('');
    const pulled = await cli.run(['pull', '-q', 'docker-daemon:sent:v1'], { env: env() });
    expect(pulled).toMatchObject({ code: 0, stdout: 'sent:v1\n' });
  });

  test('an image with zstd layers is saved for Docker with plain ones, and keeps its id', async () => {
    const at = (name: string): string => join(cli.scope.directory, name);
    await cli.output('push', '-q', 'busybox', `oci:${at('gzip')}:box`);
    const zstd = ['--dest-compress', '--dest-compress-format', 'zstd'];
    execFileSync('skopeo', ['copy', ...zstd, `oci:${at('gzip')}:box`, `oci:${at('zstd')}:box`]);
    const pulled = await cli.output('pull', '-q', `oci:${at('zstd')}:box`);
    await cli.output('tag', pulled, 'small/box:zstd');
    const blobs = readdirSync(at('zstd/blobs/sha256')).map((name) =>
      at(`zstd/blobs/sha256/${name}`),
    );
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    expect(blobs.some((blob) => readFileSync(blob).subarray(0, 4).equals(magic))).toBe(true);
    await cli.output('save', '-o', at('zstd.tar'), 'small/box:zstd');
    docker.run(['load', '-i', at('zstd.tar')]);
    const format = ['--format', '{{.Id}}', 'small/box:zstd'];
    const id = await cli.output('image', 'inspect', ...format);
    expect(docker.run(['image', 'inspect', ...format]).toString()).toBe(`${id}\n`);
    const hi = docker.run(['run', '--rm', '--network', 'none', 'small/box:zstd', 'echo', 'hi']);
    expect(hi.toString()).toBe('hi\n');
    expect(readdirSync(join(cli.scope.dataRoot, 'tmp'))).toEqual([]);
  });

  test('a missing image is pulled by run, with a line for each layer, unless that is not wanted', async () => {
    const name = `${registry.host}/team/box:v1`;
    await cli.output('tag', 'busybox', name);
    await cli.output('push', '-q', name);
    await cli.output('rmi', name);
    const refused = await cli.run(['run', '--rm', '--pull', 'never', name, 'true']);
    expect(refused).toMatchObject({ code: 125 });
    expect(refused.stderr).toContain('No such image');
    const ran = await cli.run(['run', '--rm', name, 'echo', 'hi']);
    expect(ran).toMatchObject({ code: 0, stdout: 'hi\n' });
    expect(ran.stderr).toMatch(/^[0-9a-f]{12}: (Already exists|Pull complete)$/m);
    const found = await cli.output('images', '--filter', 'reference=*/team/box', '-q');
    expect(found).not.toBe('');
    expect(await cli.output('system', 'df')).toMatch(/^Images +\d/m);
    expect(readdirSync(join(cli.scope.dataRoot, 'images', 'leases'))).toEqual([]);
  });
});

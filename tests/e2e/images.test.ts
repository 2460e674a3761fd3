import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { TestDocker } from '../fixtures/docker-engine.js';
import { expectCleanStore } from '../fixtures/image-store.js';
import { TestRegistry } from '../fixtures/registry/registry.js';
import { describeAsRoot } from '../privileges.js';

const recipe = join(import.meta.dirname, '..', 'fixtures', 'recipes', 'toolchain');

const compiled = `FROM toolchain AS build
WORKDIR /src
COPY hello.c .
ENV LIB=/usr/lib/x86_64-linux-musl
RUN tcc -nostdinc -I/usr/include/x86_64-linux-musl -nostdlib -static -o hello \\
  $LIB/crt1.o $LIB/crti.o hello.c $LIB/libc.a $LIB/crtn.o
FROM scratch
COPY --from=build /src/hello /hello
ENTRYPOINT ["/hello"]
CMD ["you"]
`;
const program = `#include <stdio.h>
int main(int n, char **v) { printf("hello %s\\n", n > 1 ? v[1] : "world"); return 0; }
`;

describeAsRoot('an image of Debian', () => {
  let maker: TestCli;
  let user: TestCli;
  let registry: TestRegistry;
  beforeAll(async () => {
    maker = new TestCli();
    user = new TestCli();
    registry = await TestRegistry.start({ directory: join(maker.scope.directory, 'registry') });
    await maker.output('image', 'build-base', recipe);
  }, 900_000);
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await maker[Symbol.asyncDispose]();
    await user[Symbol.asyncDispose]();
  });

  test('compiles a C program in one stage and keeps only the program in the next', async () => {
    const context = join(maker.scope.directory, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), compiled);
    writeFileSync(join(context, 'hello.c'), program);
    await maker.output('build', '-q', '-t', 'hello:1', '-t', 'hello', context);
    const names = '{{join .RepoTags " "}} {{len .RootFS.Layers}}';
    const shown = await maker.output('image', 'inspect', '--format', names, 'hello');
    expect(shown).toBe('hello:1 hello:latest 1');
    expect(await maker.output('run', '--rm', 'hello')).toBe('hello you');
    expect(await maker.output('run', '--rm', 'hello:1', 'again')).toBe('hello again');
  });

  test('is pushed, removed, pulled elsewhere, run, committed, saved, and runs in Docker', async () => {
    const name = `${registry.host}/team/debian:v1`;
    const id = await maker.output('image', 'inspect', '--format', '{{.Id}}', 'toolchain');
    await maker.output('tag', 'toolchain', name);
    await maker.output('push', '-q', name);
    await maker.output('rmi', '-f', 'hello', 'hello:1', 'toolchain', name);
    await maker.output('builder', 'prune', '-f');
    expect(await maker.output('images', '-aq')).toBe('');
    expectCleanStore(maker.scope.dataRoot);

    await user.output('pull', '-q', name);
    expect(await user.output('image', 'inspect', '--format', '{{.Id}}', name)).toBe(id);
    const work = 'dpkg-query -W base-files >/note && rm -r /usr/share/doc && ln -s note /link';
    await user.output('run', '--name', 'work', name, 'sh', '-ec', work);
    const look = 'cat /link; test -e /usr/share/doc || echo no documents; dpkg --audit';
    const change = `CMD ${JSON.stringify(['sh', '-c', look])}`;
    const committed = await user.output('commit', '-c', change, 'work', 'noted:v1');
    const file = join(user.scope.directory, 'noted.tar');
    await user.output('save', '-o', file, 'noted:v1');

    await using docker = await TestDocker.start(join(user.scope.directory, 'docker'));
    docker.run(['load', '-q', '-i', file]);
    const format = '{{.Id}} {{len .RootFS.Layers}}';
    expect(docker.run(['image', 'inspect', '-f', format, 'noted:v1']).toString()).toBe(
      `${committed} 2\n`,
    );
    const said = docker.run(['run', '--rm', '--network', 'none', 'noted:v1']).toString();
    expect(said).toMatch(/^base-files\t12\S+\nno documents\n$/);
    expect(await user.output('run', '--rm', 'noted:v1')).toBe(said.trimEnd());
  }, 180_000);
});

describeAsRoot('the command line and images', () => {
  let cli: TestCli;
  beforeAll(async () => {
    cli = new TestCli();
    await cli.output('image', 'build-base', 'busybox');
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  test('builds from a Dockerfile or an archive on stdin', async () => {
    const context = join(cli.scope.directory, 'stdin');
    mkdirSync(context);
    writeFileSync(join(context, 'note'), 'from the context\n');
    writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nCOPY note /\nCMD ["cat", "/note"]\n');
    const archive = execFileSync('tar', ['-C', context, '-cz', '.']);
    const built = async (args: readonly string[], input: string | Buffer): Promise<string> => {
      const { code, stdout, stderr } = await cli.run(['build', '-q', ...args], { input });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return await cli.output('run', '--rm', stdout.trimEnd());
    };
    expect(await built(['-'], 'FROM busybox\nCMD ["echo", "alone"]')).toBe('alone');
    const other = 'FROM busybox\nCOPY note /other\nCMD ["cat", "/other"]';
    expect(await built(['-f', '-', context], other)).toBe('from the context');
    expect(await built(['-'], archive)).toBe('from the context');
    const both = await cli.run(['build', '-f', '-', '-'], { input: other });
    expect(both.stderr).toContain('context and Dockerfile cannot both come from stdin');
  });

  test('frees what nothing uses, and nothing else', async () => {
    const used = ['run', '-d', '--name', 'used', '-v', 'kept:/kept', 'busybox', 'sleep', '600'];
    await cli.output(...used);
    await cli.output('run', '--name', 'over', '-v', '/anonymous', 'busybox', 'true');
    await cli.output('commit', 'over');
    await cli.output('commit', 'over', 'named:v1');
    await cli.output('network', 'create', 'empty');
    const listed = async (): Promise<object> => ({
      containers: await cli.output('ps', '-a', '--format', '{{.Names}}'),
      images: await cli.output('images', '--format', '{{.Repository}}'),
      networks: await cli.output('network', 'ls', '--format', '{{.Name}}'),
      volumes: (await cli.output('volume', 'ls', '-q')).split('\n').length,
    });
    const refused = await cli.run(['system', 'prune'], { input: 'n\n' });
    expect(refused.stderr).toContain('This removes all stopped containers, all networks');
    expect(await listed()).toMatchObject({ containers: 'over\nused', volumes: 2 });
    const said = await cli.output('system', 'prune', '-f');
    expect(said).toMatch(/^Deleted containers:\n[0-9a-f]{64}\n/);
    expect(said).toMatch(/\nTotal reclaimed space: [0-9.]+[kMG]?B$/);
    const left = { containers: 'used', networks: expect.not.stringContaining('empty') as string };
    expect(await listed()).toMatchObject({ ...left, images: 'named\nbusybox', volumes: 2 });
    await cli.output('system', 'prune', '-af', '--volumes');
    expect(await listed()).toMatchObject({ ...left, images: 'busybox', volumes: 1 });
    expectCleanStore(cli.scope.dataRoot);
  });

  test('shows the digests that registries know', async () => {
    const directory = join(cli.scope.directory, 'registry');
    await using registry = await TestRegistry.start({ directory });
    await cli.output('tag', 'busybox', `${registry.host}/box`);
    await cli.output('push', '-q', `${registry.host}/box`);
    const format = '{{.Repository}} {{.Digest}}';
    expect(await cli.output('images', '--digests', '--format', format)).toMatch(
      new RegExp(`^${registry.host}/box sha256:[0-9a-f]{64}$`, 'm'),
    );
    expect(await cli.output('images', '--digests')).toMatch(/^busybox +latest +<none> +/m);
  });
});

const atOnce = 50;

describeAsRoot(`${atOnce} programs that pull one image at once`, () => {
  test('ask the registry once for everything, and leave one copy', async () => {
    await using maker = new TestCli();
    await using user = new TestCli();
    const directory = join(maker.scope.directory, 'registry');
    await using registry = await TestRegistry.start({ directory });
    const name = `${registry.host}/many/box:v1`;
    await maker.output('image', 'build-base', 'busybox');
    await maker.output('tag', 'busybox', name);
    await maker.output('push', '-q', name);
    const results = await Promise.all(
      Array.from({ length: atOnce }, () => user.run(['pull', '-q', name])),
    );
    expect(new Set(results.map(({ code, stdout }) => `${String(code)} ${stdout}`))).toEqual(
      new Set([`0 ${name}\n`]),
    );
    const asked = registry.requests(/^GET \/v2\/many\/box\//);
    expect(asked.filter((line) => line.includes('/manifests/'))).toHaveLength(1);
    expect(asked.filter((line) => line.includes('/blobs/'))).toHaveLength(2);
    expect(readdirSync(join(user.scope.dataRoot, 'layers'))).toHaveLength(1);
    expectCleanStore(user.scope.dataRoot);
  }, 120_000);
});

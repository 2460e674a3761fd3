import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

/** crun refuses hybrid cgroups: it runs where only the first version is to be seen. */
const withoutUnified =
  'if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi; exec "$@"';

describeAsRoot('images between Warren and', () => {
  let own: TestEngine;
  let directory: string;

  beforeAll(async () => {
    own = await openTestEngine();
    directory = join(own.scope.directory, 'tools');
    mkdirSync(directory);
    await own.engine.images.buildBase('busybox');
    await own.engine.images.push('busybox', { destination: `oci:${at('layout')}:box` });
  });

  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  const at = (...path: string[]): string => join(directory, ...path);

  /** podman and buildah with a storage of the test's own. */
  const storage = (name: string): string[] => [
    ...['--root', at(`${name}-root`), '--runroot', at(`${name}-run`)],
    ...['--storage-driver', 'vfs'],
  ];

  const say = (file: string, ...args: string[]): string =>
    execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trimEnd();

  /** What an image's own command says, and one more. */
  async function runs(image: string, script: string): Promise<string[]> {
    const container = await own.engine.run({ image, command: ['sleep', '600'] });
    const { config } = await own.engine.images.get(image);
    const said = [config.command, ['sh', '-c', script]].map(async (each) => {
      const { stdout, stderr, exitCode } = await container.exec([...config.entrypoint, ...each]);
      return `${exitCode} ${stdout}${stderr}`;
    });
    const all = await Promise.all(said);
    await container.remove({ force: true });
    return all;
  }

  /** Removed and added files, an owner, modes, and a link with two names. */
  const changes =
    'rm etc/nsswitch.conf && mkdir made && echo new >made/f && chown 7:8 made/f && chmod 4750 made/f && ln made/f made/g';
  const look = 'cd /; ls etc/nsswitch.conf 2>/dev/null; stat -c "%u:%g %a %h %n" made/f made/g';
  const seen = '0 7:8 4750 2 made/f\n7:8 4750 2 made/g\n';

  test('podman: it loads, and runs what was saved', async () => {
    const archive = at('saved.tar');
    const saved = await own.engine.images.save(['busybox']);
    await pipeline(saved, createWriteStream(archive));
    const podman = ['podman', ...storage('podman'), '--tmpdir', at('podman-tmp')] as const;
    const [file, ...global] = podman;
    say(file, ...global, 'load', '-i', archive);
    const id = say(file, ...global, 'image', 'inspect', '--format', '{{.Id}}', 'busybox');
    expect(`sha256:${id}`).toBe((await own.engine.images.get('busybox')).id);
    const isolation = ['--network', 'none', '--cgroups=disabled', '--runtime', 'crun'];
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
    const run = ['run', '--rm', ...isolation, ...limits, 'busybox'];
    const alone = ['unshare', '--mount', 'sh', '-c', withoutUnified, 'sh'] as const;
    const script = 'echo $PATH; pwd; id -u';
    expect(say(...alone, file, ...global, ...run, 'sh', '-c', script)).toBe(
      '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/\n0',
    );
    say(file, ...global, 'save', '-q', '-o', at('podman.tar'), '--format', 'docker-archive', id);
    const { images } = await own.engine.images.load(
      createReadStream(at('podman.tar')) as AsyncIterable<Buffer>,
    );
    expect(images[0]?.imageId).toBe(`sha256:${id}`);
    say(file, ...global, 'rmi', '-f', id);
  });

  test('buildah: it builds on a layout, and its layout and its archive are taken', async () => {
    const [file, ...global] = ['buildah', ...storage('buildah')] as const;
    say(file, ...global, 'from', '--name', 'work', `oci:${at('layout')}:box`);
    say(file, ...global, 'run', '--isolation', 'chroot', 'work', '--', 'sh', '-c', changes);
    const config = ['--label', 'made=buildah', '--env', 'WHO=buildah', '--stop-signal', 'SIGINT'];
    say(file, ...global, 'config', ...config, '--cmd', 'cat made/f', 'work');
    say(file, ...global, 'commit', '-q', 'work', `oci:${at('buildah')}:made`);
    const archive = `docker-archive:${at('buildah.tar')}:by/buildah:v1`;
    say(file, ...global, 'commit', '-q', '--format', 'docker', '--rm', 'work', archive);
    const pulled = await own.engine.images.pull(`oci:${at('buildah')}:made`);
    const loaded = await own.engine.images.load(
      createReadStream(at('buildah.tar')) as AsyncIterable<Buffer>,
    );
    expect(loaded.images[0]?.references).toEqual(['by/buildah:v1']);
    const base = await own.engine.images.get('busybox');
    for (const reference of [pulled.manifest, 'by/buildah:v1']) {
      const image = await own.engine.images.get(reference);
      expect(image.config).toMatchObject({ labels: { made: 'buildah' }, stopSignal: 'SIGINT' });
      expect(image.config.env).toContain('WHO=buildah');
      expect(image.diffIds[0]).toBe(base.diffIds[0]);
      expect(await runs(image.id, look)).toEqual(['0 new\n', seen]);
    }
  });

  test('umoci: it unpacks a layout, and what it repacks is taken', async () => {
    const image = `${at('layout')}:box`;
    say('umoci', 'unpack', '--image', image, at('bundle'));
    const rootfs = at('bundle', 'rootfs');
    execFileSync('sh', ['-c', changes], { cwd: rootfs });
    say('umoci', 'repack', '--image', `${at('layout')}:repacked`, at('bundle'));
    const config = [
      '--config.cmd',
      'cat',
      '--config.cmd',
      'made/f',
      '--config.label',
      'made=umoci',
    ];
    say('umoci', 'config', '--image', `${at('layout')}:repacked`, ...config);
    const pulled = await own.engine.images.pull(`oci:${at('layout')}:repacked`);
    expect((await own.engine.images.get(pulled.manifest)).config.labels).toMatchObject({
      made: 'umoci',
    });
    expect(await runs(pulled.manifest, look)).toEqual(['0 new\n', seen]);
    // And back: umoci reads what Warren adds to umoci's image.
    const container = await own.engine.run({ image: pulled.manifest, command: ['sleep', '600'] });
    await container.exec(['sh', '-c', 'rm /made/g; echo back >/back']);
    await own.engine.images.commit(container.id, { reference: 'back:v1' });
    await own.engine.images.push('back:v1', { destination: `oci:${at('layout')}:back` });
    say('umoci', 'unpack', '--image', `${at('layout')}:back`, at('again'));
    const listed = say('sh', '-c', `cd ${at('again', 'rootfs')} && cat back && ls made`);
    expect(listed).toBe('back\nf');
    for (const each of ['bundle', 'again']) rmSync(at(each), { recursive: true });
  });
});

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

/** What who knows docker types without thinking. */
describeAsRoot('habits of docker users', () => {
  let cli: TestCli;
  beforeAll(() => {
    cli = new TestCli();
  });
  afterEach(async () => {
    await cli.clear();
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  test('container COMMAND is the command, with its exit codes, and inspects no images', async () => {
    await cli.output('container', 'run', '-d', '--name', 'box', '--net', 'none', 'tiny', 'pause');
    expect(await cli.output('container', 'ls', '--format', '{{.Names}}')).toBe('box');
    expect((await cli.run(['container', 'exec', 'box', 'nothing'])).code).toBe(127);
    expect(await cli.output('container', 'inspect', '-f', '{{.Name}}', 'box')).toBe('/box');
    expect((await cli.run(['container', 'inspect', 'tiny'])).code).toBe(1);
    expect(await cli.output('container', 'stop', '--time', '0', 'box')).toBe('box');
    expect(await cli.output('container', 'rm', 'box')).toBe('box');
    expect(await cli.output('container')).toContain('Write the file system');
  });

  test('--volumes-from mounts what another container has; the last one takes an anonymous volume along', async () => {
    await cli.output(
      'run',
      '-d',
      '--name',
      'first',
      '-v',
      '/data',
      '-v',
      'named:/n',
      'busybox',
      'sleep',
      '9999',
    );
    await cli.output('exec', 'first', 'sh', '-c', 'echo shared > /data/file');
    await cli.output(
      'run',
      '-d',
      '--name',
      'second',
      '--volumes-from',
      'first:ro',
      'busybox',
      'sleep',
      '9999',
    );
    expect(await cli.output('exec', 'second', 'cat', '/data/file')).toBe('shared');
    const write = await cli.run(['exec', 'second', 'touch', '/n/file']);
    expect(write.stderr).toContain('Read-only file system');
    await cli.output('rm', '-f', '-v', 'first');
    expect(await cli.output('exec', 'second', 'cat', '/data/file')).toBe('shared');
    expect((await cli.output('volume', 'ls', '-q', '-f', 'name=named')).split('\n')).toEqual([
      'named',
    ]);
    expect((await cli.output('volume', 'ls', '-q')).split('\n')).toHaveLength(2);
    await cli.output('rm', '-f', '-v', 'second');
    expect(await cli.output('volume', 'ls', '-q')).toBe('named');
    expect(await cli.output('volume', 'ls', '-q', '-f', 'dangling=false')).toBe('');
    expect((await cli.run(['volume', 'ls', '-f', 'color=red'])).stderr).toContain(
      'Use one of dangling',
    );
    await cli.output('volume', 'rm', 'named');
    expect((await cli.run(['run', '--volumes-from', 'nobody', 'tiny', 'true'])).code).toBe(125);
  });

  test('a tmpfs belongs to whom it was made for', async () => {
    const show = ['stat', '-c', '%u:%g %a', '/t'];
    const mounted = await cli.output(
      'run',
      '--rm',
      '--tmpfs',
      '/t:uid=1000,gid=50,mode=700',
      'busybox',
      ...show,
    );
    expect(mounted).toBe('1000:50 700');
    const onHostIds = ['run', '--rm', '--userns', 'host', '--tmpfs', '/t:uid=1000', 'busybox'];
    expect(await cli.output(...onHostIds, ...show)).toBe('1000:0 1777');
  });

  test('images takes a name, and shows only what fits it', async () => {
    await cli.output('run', '--rm', '-q', 'tiny', 'true');
    await cli.output('tag', 'tiny', 'other:1');
    const format = ['--format', '{{.Repository}}:{{.Tag}}'];
    expect(await cli.output('images', ...format, 'other')).toBe('other:1');
    expect(await cli.output('images', ...format, 'oth*')).toBe('other:1');
    expect(await cli.output('images', '-q', 'nothing')).toBe('');
    await cli.output('rmi', 'other:1');
  });

  test('inspect has the fields that scripts ask for', async () => {
    const health = [
      '--health-cmd',
      'echo looked; exit 3',
      '--health-interval',
      '100ms',
      '--health-retries',
      '1',
    ];
    await cli.output(
      'run',
      '-d',
      '--name',
      'box',
      '--stop-timeout',
      '-1',
      ...health,
      'busybox',
      'sleep',
      '9999',
    );
    const events = cli.start(['events', '--since', '1m', '--filter', 'container=box'], {
      input: '',
    });
    await events.shows('health_status: unhealthy');
    events.child.kill('SIGTERM');
    await events.result;
    const template =
      '{{.NetworkSettings.IPAddress}}|{{.Config.StopTimeout}}|{{.Config.AttachStdin}}|{{len .HostConfig.MaskedPaths | lt 5}}|{{json .HostConfig.Links}}';
    expect(await cli.output('inspect', '-f', template, 'box')).toBe('|-1|false|true|null');
    const log = await cli.output(
      'inspect',
      '-f',
      '{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}',
      'box',
    );
    expect(log).toBe('3 looked');
  });

  test('flags that mean nothing here are accepted where docker has them', async () => {
    await cli.output(
      'create',
      '--name',
      'box',
      '-v',
      'data:/d:z',
      '--mount',
      'type=volume,dst=/e,consistency=cached',
      'tiny',
      'pause',
    );
    expect(await cli.output('logs', '--details', 'box')).toBe('');
    expect(await cli.output('volume', 'create', '-d', 'local', 'data')).toBe('data');
    await cli.output('rm', '-v', 'box');
    expect(await cli.output('volume', 'prune', '-af', '--filter', 'name=data')).toContain('data');
  });
});

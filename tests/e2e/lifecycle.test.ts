import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

describeAsRoot('the command line', () => {
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

  test('runs a command in busybox and leaves nothing', async () => {
    // On a slow machine stderr tells how far the image is.
    const { code, stdout } = await cli.run(['run', '--rm', 'busybox', 'echo', 'hi']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'hi\n' });
    expect(await cli.output('ps', '-aq')).toBe('');
  });

  test('leads a container through its life', async () => {
    const id = await cli.output(
      'run',
      '-d',
      '--name',
      'web',
      '--memory',
      '32m',
      '--pids-limit',
      '32',
      '--cpus',
      '0.2',
      'tiny',
      'httpd',
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await cli.output('ps', '--format', '{{.Names}} {{.Image}} {{.State}}')).toBe(
      'web tiny running',
    );
    expect(await cli.output('exec', 'web', 'hostname')).toBe(id.slice(0, 12));
    expect(
      await cli.output('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}', 'web'),
    ).toMatch(/^web .* \/ 32MiB$/);
    expect(await cli.output('update', '--memory', '64m', 'web')).toBe('web');
    expect(await cli.output('inspect', '-f', '{{.HostConfig.Memory}}', 'web')).toBe(
      String(64 * 2 ** 20),
    );
    expect(await cli.output('limits', 'web')).toMatch(/^web +memory .* 64MiB +0$/m);
    expect(await cli.output('pause', 'web')).toBe('web');
    expect(await cli.output('ps', '--format', '{{.Status}}')).toMatch(/^Up .* \(Paused\)$/);
    expect(await cli.output('unpause', 'web')).toBe('web');
    expect(await cli.output('top', 'web', '-o', 'comm')).toMatch(/httpd/);
    expect(await cli.output('rename', 'web', 'web2')).toBe('');
    expect(await cli.output('restart', '-t', '0', 'web2')).toBe('web2');
    expect(await cli.output('stop', 'web2')).toBe('web2');
    const used = ['stats', '--no-stream', '--format', '{{.Name}} {{.CPUPerc}} {{.PIDs}}'];
    expect(await cli.output(...used)).toBe('');
    expect(await cli.output(...used, '--all')).toBe('web2 0.00% 0');
    expect(await cli.output(...used, 'web2')).toBe('web2 0.00% 0');
    expect(await cli.output('ps', '-a', '--format', '{{.Status}}')).toMatch(/^Exited \(143\) /);
    expect(await cli.output('start', 'web2')).toBe('web2');
    expect(await cli.output('kill', 'web2')).toBe('web2');
    expect(await cli.output('wait', 'web2')).toBe('137');
    expect(await cli.output('rm', 'web2')).toBe('web2');
    expect(await cli.output('ps', '-aq')).toBe('');
  });

  test('follows the log of a container until it is interrupted', async () => {
    await cli.output(
      'run',
      '-d',
      '--name',
      'talker',
      'busybox',
      'sh',
      '-c',
      'echo one; echo two >&2; sleep 1; echo three; sleep 60',
    );
    const logs = cli.start(['logs', '-f', 'talker'], { input: '' });
    await logs.shows('three');
    logs.child.kill('SIGINT');
    expect(await logs.result).toEqual({ code: 130, stdout: 'one\nthree\n', stderr: 'two\n' });
    expect(await cli.output('logs', '--tail', '1', 'talker')).toBe('three');
    expect(await cli.output('logs', '-t', '--tail', '1', 'talker')).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z three$/,
    );
  });

  test('ends quietly when nobody reads its output any more', async () => {
    await cli.output(
      'run',
      '-d',
      '--name',
      'talker',
      'busybox',
      'sh',
      '-c',
      'while echo line; do usleep 10000; done',
    );
    const logs = cli.start(['logs', '-f', 'talker'], { input: '' });
    await logs.shows('line');
    logs.child.stdout.destroy();
    expect(await logs.result).toMatchObject({ code: 141, stderr: '' });
  });

  test('connects stdin, and its end, to a command', async () => {
    expect(
      (await cli.run(['run', '-i', '--rm', 'busybox', 'cat'], { input: 'through run' })).stdout,
    ).toBe('through run');
    await cli.output('run', '-d', '--name', 'box', 'busybox', 'sleep', '60');
    expect(
      (
        await cli.run(['exec', '-i', 'box', 'wc', '-c'], { input: 'x'.repeat(300_000) })
      ).stdout.trim(),
    ).toBe('300000');
    const large = await cli.run(['exec', 'box', 'sh', '-c', 'yes | head -c 3000000']);
    expect(large.stdout).toHaveLength(3_000_000);
  });

  test('gives the exit codes of commands and separates their streams', async () => {
    const run = await cli.run([
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 7',
    ]);
    expect(run).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    await cli.output('run', '-d', '--name', 'box', 'busybox', 'sleep', '60');
    expect((await cli.run(['exec', 'box', 'sh', '-c', 'exit 9'])).code).toBe(9);
    expect((await cli.run(['exec', 'box', 'sh', '-c', 'kill -9 $$'])).code).toBe(137);
    expect((await cli.run(['run', '--rm', '-m', '32m', 'tiny', 'eat-memory', '128m'])).code).toBe(
      137,
    );
  });

  test('starts with the output attached, and nothing of it is missed', async () => {
    await cli.output('create', '--name', 'job', 'busybox', 'sh', '-c', 'echo done; exit 3');
    expect(await cli.run(['start', '-a', 'job'])).toEqual({
      code: 3,
      stdout: 'done\n',
      stderr: '',
    });
    expect(await cli.run(['start', '-a', 'job'])).toMatchObject({ code: 3, stdout: 'done\n' });
  });

  test('leaves a detached command running', async () => {
    await cli.output('run', '-d', '--name', 'box', 'busybox', 'sleep', '60');
    expect(
      await cli.output('exec', '-d', 'box', 'sh', '-c', 'sleep 1; echo late > /tmp/late; sleep 60'),
    ).toBe('');
    await expect
      .poll(async () => (await cli.run(['exec', 'box', 'cat', '/tmp/late'])).stdout, {
        timeout: 10_000,
      })
      .toBe('late\n');
  });

  test('copies files in and out, and lists and exports what changed', async () => {
    const { directory } = cli.scope;
    const inFile = join(directory, 'in');
    writeFileSync(inFile, 'content', { mode: 0o600 });
    await cli.output('run', '-d', '--name', 'box', 'busybox', 'sleep', '60');
    expect(await cli.output('diff', 'box')).toBe('');
    await cli.output('cp', inFile, 'box:/tmp/copied');
    expect(await cli.output('exec', 'box', 'stat', '-c', '%u %a %s', '/tmp/copied')).toBe(
      '0 600 7',
    );
    await cli.output('cp', 'box:/tmp/copied', join(directory, 'out'));
    expect(readFileSync(join(directory, 'out'), 'utf8')).toBe('content');
    await cli.output('cp', 'box:/tmp/.', join(directory, 'tree'));
    expect(readFileSync(join(directory, 'tree', 'copied'), 'utf8')).toBe('content');
    expect((await cli.output('diff', 'box')).split('\n')).toContain('A /tmp/copied');
    await cli.output('export', '-o', join(directory, 'box.tar'), 'box');
    expect(readFileSync(join(directory, 'box.tar')).includes('tmp/copied')).toBe(true);
    expect((await cli.run(['cp', 'box:/nope', directory])).stderr).toContain('/nope');
  });

  test('starts many with one call and lists them in order of age', async () => {
    const ids = (
      await cli.output(
        'run',
        '--count',
        '20',
        '--name',
        'many',
        '--pids-limit',
        '8',
        'tiny',
        'pause',
      )
    ).split('\n');
    expect(ids).toHaveLength(20);
    expect((await cli.output('ps', '-q', '--no-trunc')).split('\n').sort()).toEqual(
      [...ids].sort(),
    );
    expect((await cli.output('ps', '-q', '-n', '5')).split('\n')).toHaveLength(5);
    expect(await cli.output('ps', '--filter', 'name=many-7', '--format', '{{.Names}}')).toBe(
      'many-7',
    );
    expect((await cli.output('stop', '-t', '0', ...ids)).split('\n')).toEqual(ids);
    expect(await cli.output('prune', '-f')).toMatch(/^Deleted containers:\n/);
    expect(await cli.output('ps', '-aq')).toBe('');
  });

  test('keeps volumes until they are removed', async () => {
    await cli.output('volume', 'create', 'data');
    await cli.output('run', '--rm', '-v', 'data:/d', 'busybox', 'sh', '-c', 'echo kept > /d/file');
    expect(
      await cli.output('run', '--rm', '--mount', 'src=data,dst=/d,ro', 'busybox', 'cat', '/d/file'),
    ).toBe('kept');
    expect(await cli.output('volume', 'ls', '-q')).toBe('data');
    const mountPoint = await cli.output('volume', 'inspect', '-f', '{{.Mountpoint}}', 'data');
    expect(readFileSync(join(mountPoint, 'file'), 'utf8')).toBe('kept\n');
    await cli.output('volume', 'rm', 'data');
    expect((await cli.run(['volume', 'inspect', 'data'])).code).toBe(1);
  });

  test('shows events as they happen', async () => {
    const events = cli.start(
      [
        'events',
        '--filter',
        'type=container',
        '--format',
        '{{.Action}} {{.Actor.Attributes.name}}',
      ],
      { input: '' },
    );
    await events.notes('Showing events from now on');
    await cli.output('run', '--rm', '--name', 'seen', 'tiny', 'true');
    await events.shows('destroy seen');
    events.child.kill('SIGTERM');
    const { code, stdout } = await events.result;
    expect(code).toBe(143);
    expect(stdout).toMatch(
      /^create seen\n(.*\n)*start seen\n(.*\n)*die seen\n(.*\n)*destroy seen\n/,
    );
  });

  test('shows events of the past, and ends when they are all of it', async () => {
    await cli.output('run', '--rm', '--name', 'gone', 'tiny', 'true');
    const range = ['--since', '10m', '--until', '0s', '--filter', 'container=gone'];
    expect(await cli.output('events', ...range, '--format', '{{.Action}}')).toBe(
      'create\nstart\ndie\ndestroy',
    );
    expect(await cli.output('events', '--since', '2h', '--until', '1h')).toBe('');
    expect((await cli.run(['events', '--since', 'soon'])).code).toBe(125);
  });

  test('prints objects with --json', async () => {
    const started = JSON.parse(
      await cli.output('run', '-d', '--json', '--name', 'box', 'tiny', 'pause'),
    ) as { readonly id: string };
    const listed = JSON.parse(await cli.output('--json', 'ps')) as {
      readonly ID: string;
      readonly State: string;
    };
    expect(listed).toMatchObject({ ID: started.id.slice(0, 12), State: 'running' });
    const { stderr, code } = await cli.run(['inspect', 'nobody', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { kind: 'notFound', code: 'NO_SUCH_OBJECT' },
    });
  });

  test('writes the id of a container to a file, and takes the file away when there is none', async () => {
    const file = join(cli.scope.directory, 'cid');
    const id = await cli.output('run', '-d', '--cidfile', file, 'tiny', 'pause');
    expect(readFileSync(file, 'utf8')).toBe(id);
    expect((await cli.run(['run', '--cidfile', file, 'tiny', 'true'])).stderr).toContain(
      'The file of --cidfile exists',
    );
    const other = join(cli.scope.directory, 'none');
    await cli.run(['run', '-d', '--cidfile', other, 'nosuchimage']);
    expect(() => readFileSync(other)).toThrow('ENOENT');
    expect((await cli.run(['run', '--cidfile', other, 'tiny', '/nothing'])).code).toBe(127);
    expect(() => readFileSync(other)).toThrow('ENOENT');
  });

  test('has written the id to the file when the container starts', async () => {
    const shared = join(cli.scope.directory, 'ids');
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    const file = join(shared, 'cid');
    const flags = ['--rm', '--cidfile', file, '-v', `${shared}:/ids:ro`];
    const seen = await cli.output('run', ...flags, 'busybox', 'cat', '/ids/cid');
    expect(seen).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(file, 'utf8')).toBe(seen);
  });

  test('restarts a container whose policy came later, when no engine is alive', async () => {
    const shared = join(cli.scope.directory, 'starts');
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    const script = 'echo start >>/starts/log; exec sleep 1000';
    const flags = ['-d', '--name', 'later', '-v', `${shared}:/starts`];
    await cli.output('run', ...flags, 'busybox', 'sh', '-c', script);
    const log = join(shared, 'log');
    await expect.poll(() => existsSync(log) && readFileSync(log, 'utf8')).toBe('start\n');
    await cli.output('update', '--restart', 'always', 'later');
    process.kill(Number(await cli.output('inspect', '-f', '{{.State.Pid}}', 'later')), 'SIGKILL');
    await expect.poll(() => readFileSync(log, 'utf8'), { timeout: 20_000 }).toBe('start\nstart\n');
    await cli.output('rm', '-f', 'later');
  });

  test('ends containers at the end of their lease', async () => {
    await cli.output('run', '-d', '--name', 'short', '--ttl', '500ms', 'tiny', 'pause');
    expect(await cli.output('wait', 'short')).toBe('137');
    const owner = cli.start(
      ['run', '--name', 'child', '--die-with-parent', 'busybox', 'sh', '-c', 'echo up; sleep 60'],
      { input: '' },
    );
    await owner.shows('up');
    owner.child.kill('SIGKILL');
    expect(await cli.output('wait', 'child')).toBe('137');
  });
});

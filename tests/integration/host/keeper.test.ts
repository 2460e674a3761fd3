import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeAsRoot } from '../../privileges.js';
import { output, Rig } from './rig.js';

describeAsRoot('the Linux host and its keeper', () => {
  let rig: Rig;

  beforeAll(() => {
    rig = new Rig();
  });

  afterAll(async () => {
    await rig.close();
  });

  test('start a keeper when it is first needed, and only one', async () => {
    expect(await rig.host.runningKeeper(0)).toBeNull();
    const [one, two] = await Promise.all([rig.host.keeper(0), rig.host.keeper(0)]);
    expect(one).toBe(two);
    expect(await rig.host.keeperInstances()).toEqual([0]);
    expect(await one.control.status()).toMatchObject({ containers: 0, running: 0 });
  });

  test('run a program with the default isolation', async () => {
    const { exit, stdout, stderr } = await rig.run({
      command: ['sh', '-c', 'echo out; echo err >&2; exit 7'],
    });
    expect({ stdout, stderr, code: exit.code, how: exit.how }).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 7,
      how: 'exited',
    });
  });

  test('give it its capabilities, its filter and its own ids', async () => {
    const { stdout } = await rig.run({
      command: ['sh', '-c', 'cat /proc/self/status /proc/self/uid_map; hostname; echo $$'],
    });
    expect(stdout).toMatch(/^CapBnd:\s+00000000a80425fb$/m);
    expect(stdout).toMatch(/^CapEff:\s+00000000a80425fb$/m);
    expect(stdout).toMatch(/^CapInh:\s+0000000000000000$/m);
    expect(stdout).toMatch(/^Seccomp:\s+2$/m);
    expect(stdout).toMatch(/^NoNewPrivs:\s+0$/m);
    expect(stdout).toMatch(/^\s+0\s+1000000\s+65536$/m);
    expect(stdout.trimEnd().split('\n').slice(-2)).toEqual(['c00000000000', '1']);
  });

  test('mount what the plan says', async () => {
    const { stdout } = await rig.run({ command: ['cat', '/proc/self/mountinfo'] });
    const mounts = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[4], line]),
    );
    expect(mounts.get('/')).toContain(' - overlay ');
    expect(mounts.get('/proc')).toMatch(/nosuid,nodev,noexec.* - proc /);
    expect(mounts.get('/dev')).toMatch(/ro.* - tmpfs |- tmpfs .*ro/);
    expect(mounts.get('/dev/pts')).toMatch(/gid=1000005|gid=5/);
    expect(mounts.get('/dev/shm')).toContain('size=65536k');
    expect(mounts.get('/sys')).toMatch(/ro,nosuid,nodev,noexec.* - sysfs /);
    expect(mounts.get('/sys/fs/cgroup')).toMatch(/ro,nosuid,nodev,noexec.* - cgroup2 /);
    expect(mounts.get('/proc/sys')).toMatch(/ro,/);
    expect(mounts.get('/proc/keys')).toContain(' /null /proc/keys ');
  });

  test('keep ids 0-based on disk', async () => {
    const input = rig.input({
      command: ['sh', '-c', 'touch /tmp/file && stat -c %u:%g /tmp/file'],
    });
    const { stdout } = await output(await rig.launch(input, { streams: { stdout: true } }));
    expect(stdout).toBe('0:0\n');
    const path = join(rig.scope.dataRoot, `containers/${input.record.id}/upper/tmp/file`);
    expect(existsSync(path)).toBe(true);
    const { statSync } = await import('node:fs');
    expect(statSync(path).uid).toBe(0);
  });

  test('tell a command that is missing from one that cannot be executed', async () => {
    await expect(rig.run({ command: ['nonexistent'] })).rejects.toMatchObject({
      kind: 'commandNotFound',
      message: expect.stringContaining(
        'exec nonexistent: executable file not found in $PATH',
      ) as string,
    });
    await expect(rig.run({ command: ['/tmp'] })).rejects.toMatchObject({
      kind: 'commandNotExecutable',
    });
    await expect(rig.run({ command: ['/nonexistent/sh'] })).rejects.toMatchObject({
      kind: 'commandNotFound',
    });
  });

  test('name a mount source that is missing', async () => {
    const mounts = [{ type: 'bind' as const, source: '/nonexistent/source', target: '/data' }];
    await expect(rig.run({ command: ['true'], mounts })).rejects.toMatchObject({
      kind: 'notFound',
      code: 'MOUNT_SOURCE_MISSING',
      message: expect.stringContaining('/nonexistent/source: No such file or directory') as string,
    });
  });

  test('mount binds, volumes and tmpfs, one below the other', async () => {
    const source = join(rig.scope.directory, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'from the host');
    mkdirSync(join(rig.scope.dataRoot, 'volumes/db/_data'), { recursive: true });
    const input = rig.input({
      command: [
        'sh',
        '-c',
        'cat /run/deep/file; touch /run/deep/x 2>&1; touch /db/mine && stat -c %u /db/mine',
      ],
      mounts: [
        { type: 'tmpfs', target: '/run' },
        { type: 'bind', source, target: '/run/deep', readOnly: true },
        { type: 'volume', source: 'db', target: '/db' },
      ],
    });
    const withVolume = {
      ...input,
      record: { ...input.record, volumes: [{ target: '/db', name: 'db', anonymous: false }] },
    };
    const { stdout, exit } = await output(
      await rig.launch(withVolume, { streams: { stdout: true, stderr: true } }),
    );
    expect(stdout).toContain('from the host');
    expect(stdout).toContain('Read-only file system');
    expect(stdout).toMatch(/\n0\n$/);
    expect(exit.code).toBe(0);
    expect(existsSync(join(rig.scope.dataRoot, 'volumes/db/_data/mine'))).toBe(true);
  });

  test('exec in a running container, with input, as another user, in a directory', async () => {
    const input = rig.input({ command: ['sleep', '1000'], env: { A: '1' } });
    await rig.launch(input);
    const user = { uid: 1000, gid: 1000, groups: [27], home: '/tmp' };
    const asUser = await rig.exec(
      input,
      ['sh', '-c', 'id; pwd; echo $A$B; grep CapEff /proc/self/status'],
      { user, workingDir: '/tmp', env: ['B=2'] },
    );
    expect(asUser.stdout).toBe(
      'uid=1000 gid=1000 groups=27\n/tmp\n12\nCapEff:\t0000000000000000\n',
    );
    const running = await rig.startExec(
      input,
      { argv: ['cat'] },
      { streams: { stdin: true, stdout: true, stderr: true } },
    );
    running.stdin?.write('through ');
    running.stdin?.end('the pipe');
    expect((await output(running)).stdout).toBe('through the pipe');
    await expect(rig.exec(input, ['nonexistent'])).rejects.toMatchObject({
      kind: 'commandNotFound',
    });
    const keeper = await rig.keeper();
    await keeper.containers.stop(input.record.id, 9, 1000);
    await expect(rig.exec(input, ['true'])).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    await keeper.containers.forget([input.record.id]);
    await expect(rig.exec(input, ['true'])).rejects.toMatchObject({ code: 'NOT_SUPERVISED' });
  });

  test('move much data in both directions without losing or buffering it', async () => {
    const input = rig.input({ command: ['sleep', '1000'] });
    await rig.launch(input);
    const size = 20 * 1024 * 1024;
    const counting = await rig.startExec(
      input,
      { argv: ['wc', '-c'] },
      { streams: { stdin: true, stdout: true, stderr: true } },
    );
    const chunk = Buffer.alloc(1 << 20, 'x');
    for (let sent = 0; sent < size; sent += chunk.length) {
      if (counting.stdin?.write(chunk) === false)
        await new Promise((resolve) => counting.stdin?.once('drain', resolve));
    }
    counting.stdin?.end();
    expect((await output(counting)).stdout.trim()).toBe(String(size));
    const reading = await rig.startExec(input, {
      argv: ['sh', '-c', `yes | head -c ${size}; echo end >&2`],
    });
    await delay(200);
    // Nobody reads yet: the process is held up at the window.
    await expect(Promise.race([reading.exit, delay(100, 'held')])).resolves.toBe('held');
    const { stdout, stderr } = await output(reading);
    expect(stdout.length).toBe(size);
    expect(stderr).toBe('end\n');
    await (await rig.keeper()).containers.stop(input.record.id, 9, 1000);
  });

  test('are signalled together, each with its own result', async () => {
    const inputs = Array.from({ length: 3 }, () => rig.input({ command: ['sleep', '1000'] }));
    for (const input of inputs) await rig.launch(input);
    const { containers } = await rig.keeper();
    const ids = inputs.map(({ record }) => record.id);
    const results = await Promise.allSettled(
      [...ids, 'unknown'].map(async (id) => containers.signal(id, 9, 'all')),
    );
    expect(results.map(({ status }) => status)).toEqual([
      ...ids.map(() => 'fulfilled'),
      'rejected',
    ]);
    expect(results.at(-1)).toMatchObject({
      reason: {
        code: 'NOT_SUPERVISED',
        message: 'Cannot signal container unknown: the keeper does not know it',
      },
    });
    for (const id of ids)
      expect(await containers.wait(id, 'not-running')).toMatchObject({ how: 'signaled', code: 9 });
  });

  test('end an exec whose input nobody takes any more', async () => {
    const input = rig.input({ command: ['sleep', '1000'] });
    await rig.launch(input);
    const running = await rig.startExec(
      input,
      { argv: ['true'] },
      { streams: { stdin: true, stdout: true, stderr: true } },
    );
    running.stdin?.on('error', () => undefined);
    running.stdin?.write(Buffer.alloc(1 << 20));
    expect((await output(running)).exit.code).toBe(0);
    const timed = await rig.startExec(input, { argv: ['sleep', '1000'] }, { timeoutMs: 50 });
    await expect(timed.exit).resolves.toMatchObject({ how: 'signaled', reason: 'timeout' });
    const controller = new AbortController();
    const aborted = await rig.startExec(
      input,
      { argv: ['sleep', '1000'] },
      { signal: controller.signal },
    );
    controller.abort();
    await expect(aborted.exit).rejects.toMatchObject({ kind: 'canceled' });
    await (await rig.keeper()).containers.stop(input.record.id, 9, 1000);
  });

  test('run on a terminal that can be resized', async () => {
    const input = rig.input({ command: ['sleep', '1000'] });
    await rig.launch(input);
    const running = await rig.startExec(
      input,
      { argv: ['sh', '-c', 'stty size; read x; stty size'], tty: true },
      { streams: { stdin: true, stdout: true }, terminal: { columns: 91, rows: 32 } },
    );
    const first = await new Promise<Buffer>((resolve) => running.stdout?.once('data', resolve));
    expect(first.toString()).toBe('32 91\r\n');
    await running.resize({ columns: 120, rows: 40 });
    running.stdin?.write('\n');
    const { stdout } = await output(running);
    expect(stdout).toContain('40 120\r\n');
    await (await rig.keeper()).containers.stop(input.record.id, 9, 1000);
  });

  test('pause, list, signal, wait and stop', async () => {
    const keeper = await rig.keeper();
    const input = rig.input({
      command: ['sh', '-c', 'trap "exit 5" TERM; while :; do sleep 0.05; done'],
    });
    const id = input.record.id;
    const launched = await rig.launch(input);
    const exit = keeper.containers.wait(id, 'next-exit');
    await keeper.containers.freeze(id, true);
    expect(await keeper.containers.list([id])).toMatchObject([
      { container: id, status: 'paused', pid: launched.pid, generation: 1 },
    ]);
    await keeper.containers.freeze(id, false);
    await delay(100);
    await expect(keeper.containers.stop(id, 15, 5000)).resolves.toMatchObject({
      how: 'exited',
      code: 5,
      reason: 'stop',
    });
    await expect(exit).resolves.toMatchObject({ code: 5 });
    await expect(launched.exit).resolves.toMatchObject({ code: 5 });
    await expect(keeper.containers.wait(id, 'not-running')).resolves.toMatchObject({ code: 5 });
  });

  test('log what a detached container writes', async () => {
    const input = rig.input({ command: ['echo', 'logged'] });
    const launched = await rig.launch(input);
    await launched.exit;
    expect(readFileSync(input.logPath, 'utf8')).toMatch(/^\S+Z stdout F logged\n$/);
  });

  test('hold locks that end with their connection', async () => {
    const keeper = await rig.keeper();
    const lock = await keeper.lock('container:x', { operation: 'start', timeoutMs: 1000 });
    await expect(
      keeper.lock('container:x', { operation: 'stop', timeoutMs: 50 }),
    ).rejects.toMatchObject({
      kind: 'timedOut',
      code: 'LOCK_TIMEOUT',
      message: expect.stringContaining('start') as string,
    });
    await lock.release();
    const other = await keeper.lock('container:x', { operation: 'stop', timeoutMs: 1000 });
    expect(other.fence).toBeGreaterThan(lock.fence);
    await expect(
      rig.launch(rig.input({ command: ['true'] }), { fence: lock.fence }),
    ).rejects.toMatchObject({ code: 'LOCK_ENDED' });
    await other.release();
  });

  test('tell events', async () => {
    const keeper = await rig.keeper();
    const controller = new AbortController();
    const input = rig.input({ command: ['true'] });
    const events = keeper.events({ signal: controller.signal });
    const first = events[Symbol.asyncIterator]().next();
    await delay(20);
    await rig.launch(input);
    expect((await first).value).toMatchObject({ kind: 'started', container: input.record.id });
    controller.abort();
  });

  test('refuse to end the keeper while containers run', async () => {
    const input = rig.input({ command: ['sleep', '1000'] });
    await rig.launch(input);
    const keeper = await rig.keeper();
    await expect(keeper.control.shutdown(false)).rejects.toMatchObject({ code: 'KEEPER_BUSY' });
    await keeper.containers.stop(input.record.id, 9, 1000);
  });

  test('go on with the next keeper when one is killed', async () => {
    const keeper = await rig.keeper();
    const input = rig.input({ command: ['sleep', '1000'] });
    await rig.launch(input);
    const killed = keeper.pid;
    const wait = keeper.containers.wait(input.record.id, 'next-exit');
    process.kill(killed, 'SIGKILL');
    await expect(wait).rejects.toMatchObject({ kind: 'unavailable', code: 'KEEPER_GONE' });
    expect((await rig.exec(input, ['echo', 'still here'])).stdout).toBe('still here\n');
    expect(keeper.pid).not.toBe(killed);
    await keeper.containers.stop(input.record.id, 9, 1000);
  });

  test('launch 200 at once', async () => {
    const launched = await Promise.all(
      Array.from({ length: 200 }, () =>
        rig.launch(
          rig.input({ command: ['warren-init', 'exit', '3'], shmSizeBytes: 0, pty: false }),
        ),
      ),
    );
    const exits = await Promise.all(launched.map(({ exit }) => exit));
    expect(new Set(exits.map(({ code }) => code))).toEqual(new Set([3]));
  });

  test('answer a hundred execs at once, each with its own exit code', async () => {
    const input = rig.input({ command: ['sleep', '1000'] });
    await rig.launch(input);
    const codes = Array.from({ length: 100 }, (_, index) => index);
    const ends = await Promise.all(
      codes.map((code) => rig.exec(input, ['/bin/warren-init', 'exit', String(code)])),
    );
    expect(ends.map(({ exit }) => exit.code)).toEqual(codes);
    await (await rig.keeper()).containers.stop(input.record.id, 9, 1000);
  });
});

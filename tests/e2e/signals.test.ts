import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

describeAsRoot('signals', () => {
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

  test('go on to the process inside, which decides', async () => {
    const script =
      'trap "echo int" INT; trap "echo usr1" USR1; trap "echo term; exit 6" TERM; echo ready; while true; do sleep 0.1; done';
    const run = cli.start(['run', '--rm', 'busybox', 'sh', '-c', script], { input: '' });
    await run.shows('ready');
    run.child.kill('SIGINT');
    await run.shows('int');
    run.child.kill('SIGUSR1');
    await run.shows('usr1');
    run.child.kill('SIGTERM');
    expect(await run.result).toMatchObject({ code: 6, stderr: '' });
    expect(await cli.output('ps', '-aq')).toBe('');
  });

  test('end only this program with --sig-proxy=false', async () => {
    const run = cli.start(
      ['run', '--name', 'box', '--sig-proxy=false', 'busybox', 'sh', '-c', 'echo ready; sleep 60'],
      { input: '' },
    );
    await run.shows('ready');
    run.child.kill('SIGTERM');
    expect((await run.result).code).toBe(143);
    expect(await cli.output('ps', '--format', '{{.Names}}')).toBe('box');
  });

  test('end a command that was executed, with this program', async () => {
    await cli.output('run', '-d', '--name', 'box', 'busybox', 'sleep', '60');
    const exec = cli.start(['exec', 'box', 'sh', '-c', 'echo ready; exec sleep 1234'], {
      input: '',
    });
    await exec.shows('ready');
    exec.child.kill('SIGINT');
    expect((await exec.result).code).toBe(130);
    await expect.poll(() => cli.output('top', 'box'), { timeout: 10_000 }).not.toContain('1234');
  });

  test('take a batch away that was only half started', async () => {
    await cli.output('image', 'build-base', 'tiny');
    const run = cli.start(['run', '--count', '3000', 'tiny', 'pause'], { input: '' });
    await expect
      .poll(async () => (await cli.output('ps', '-q')).length, { timeout: 30_000 })
      .toBeGreaterThan(0);
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.result;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/canceled: removed the \d+ containers that were started/);
    expect(await cli.output('ps', '-aq')).toBe('');
  });

  test('end a wait and a following log with the code of the signal', async () => {
    await cli.output('run', '-d', '--name', 'box', 'busybox', 'sh', '-c', 'echo ready; sleep 60');
    const wait = cli.start(['wait', 'box'], { input: '' });
    const logs = cli.start(['logs', '-f', 'box'], { input: '' });
    await logs.shows('ready');
    wait.child.kill('SIGINT');
    logs.child.kill('SIGTERM');
    expect((await wait.result).code).toBe(130);
    expect(await logs.result).toEqual({ code: 143, stdout: 'ready\n', stderr: '' });
  });
});

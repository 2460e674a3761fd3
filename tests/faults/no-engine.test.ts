import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import { expectNoLeaks, removeAll } from './fixtures/containers.js';
import { cli } from './fixtures/engine-process.js';
import { eventually } from './fixtures/eventually.js';
import { isRunning, keeperProcesses, kill, killKeeper } from './fixtures/keeper-processes.js';

/** Every step is a process of its own, which has ended when the next one looks. */
describeAsRoot('with no engine process alive', () => {
  let own: TestEngine;

  beforeEach(async () => {
    own = await openTestEngine();
  });

  afterEach(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  async function warren(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cli(own.scope, args);
    expect(code, stderr).toBe(0);
    return stdout.trim();
  }

  async function state(name: string): Promise<{ readonly Pid: number; readonly Status: string }> {
    const text = await warren('inspect', '--format', '{{json .State}}', name);
    return JSON.parse(text) as { Pid: number; Status: string };
  }

  test('restart policies are applied with a growing pause', async () => {
    await warren('run', '-d', '--name', 'again', '--restart', 'on-failure:3', 'tiny', 'exit', '1');
    const begun = Date.now();
    await eventually(
      'the last restart is over',
      async () => (await state('again')).Status === 'exited',
    );
    // 100, 200 and 400 ms lie between the four runs.
    expect(Date.now() - begun).toBeGreaterThan(500);
    expect(await warren('inspect', '--format', '{{.RestartCount}}', 'again')).toBe('3');
  });

  test('health checks go on', async () => {
    await warren(
      ...['run', '-d', '--name', 'well', '--health-cmd', 'true', '--health-interval', '100ms'],
      ...['tiny', 'pause'],
    );
    const health = async (): Promise<string> =>
      await warren('inspect', '--format', '{{.State.Health.Status}}', 'well');
    // The probe goes through a shell, which `tiny` does not have.
    await eventually('it is told to be unhealthy', async () => (await health()) === 'unhealthy');
  });

  test('a detached container with --rm is removed by the reconcile process', async () => {
    const id = await warren('run', '-d', '--rm', 'tiny', 'pause');
    expect(await warren('ps', '-aq', '--no-trunc')).toBe(id);
    await warren('kill', id);
    await eventually('it is removed', async () => (await warren('ps', '-aq')) === '');
  });

  test('so it is when the keeper was killed meanwhile', async () => {
    await warren('run', '-d', '--rm', 'tiny', 'sleep', '1');
    await killKeeper(own.scope);
    await eventually('it is removed', async () => (await warren('ps', '-aq')) === '');
  });

  test('three hundred deaths at once are reconciled by few processes', async () => {
    await warren('run', '--rm', '--count', '300', 'tiny', 'pause');
    const all = await own.engine.containers.list();
    expect(all).toHaveLength(300);
    for (const {
      state: { pid },
    } of all)
      kill(pid);
    await eventually('all are removed', async () => {
      return (await own.engine.containers.list({ all: true })).length === 0;
    });
  });

  test('the keeper is replaced in place by the command line, and nobody notices', async () => {
    await warren('run', '-d', '--name', 'web', 'tiny', 'pause');
    const { Pid } = await state('web');
    const before = keeperProcesses(own.scope);
    await warren('keeper', 'upgrade');
    expect(keeperProcesses(own.scope).keeper).toBe(before.keeper);
    expect((await state('web')).Pid).toBe(Pid);
    expect(await warren('exec', 'web', 'echo', 'hi')).toBe('hi');
    expect(isRunning(Pid)).toBe(true);
  });
});

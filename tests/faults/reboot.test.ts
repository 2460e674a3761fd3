import { existsSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeAsRoot } from '../privileges.js';
import { newScope, type TestScope } from '../scope.js';
import { cli } from './fixtures/engine-process.js';
import { EarlierBoot } from './fixtures/machine.js';
import { keeperProcesses } from './fixtures/keeper-processes.js';

const earlierBoot = '00000000-1111-4222-8333-444444444444';

interface State {
  readonly Status: string;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly FinishedAt: string;
}

describeAsRoot('after a reboot', () => {
  let scope: TestScope;
  let before: EarlierBoot;

  beforeEach(async () => {
    scope = newScope();
    before = await EarlierBoot.begin(scope, earlierBoot);
  });

  afterEach(async () => {
    const ids = (await warren('ps', '-aq')).split('\n').filter(Boolean);
    if (ids.length > 0) await warren('rm', '-f', '-v', ...ids);
    const leaks = await cli(scope, ['doctor', '--leaks']);
    await warren('keeper', 'stop', '--force');
    rmSync(scope.directory, { recursive: true });
    expect(leaks).toMatchObject({ code: 0, stdout: 'No leaks\n' });
  });

  async function warren(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cli(scope, args);
    expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout.trim();
  }

  async function earlier(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await before.cli(...args);
    expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout.trim();
  }

  async function names(...args: readonly string[]): Promise<string[]> {
    const listed = await warren('ps', '--format', '{{.Names}}', ...args);
    return listed.split('\n').filter(Boolean).sort();
  }

  async function state(name: string): Promise<State> {
    return JSON.parse(await warren('inspect', '--format', '{{json .State}}', name)) as State;
  }

  /** One of each restart policy that runs, and those that nobody wants to run. */
  async function makeContainers(): Promise<void> {
    await earlier('create', '--name', 'created', '--restart', 'always', 'tiny', 'pause');
    const policies = ['no', 'on-failure:3', 'always', 'unless-stopped'];
    for (const policy of policies) {
      const name = policy.replace(/:.*/, '');
      await earlier('run', '-d', '--name', name, '--restart', policy, 'tiny', 'pause');
    }
    for (const policy of ['always', 'unless-stopped']) {
      const name = `${policy}-at-rest`;
      await earlier('run', '-d', '--name', name, '--restart', policy, 'tiny', 'pause');
      await earlier('stop', '-t', '0', name);
    }
    await earlier('run', '-d', '--name', 'passing', '--rm', 'tiny', 'pause');
    await earlier('pause', 'always');
  }

  const all = [
    ...['always', 'always-at-rest', 'created', 'no', 'on-failure'],
    ...['passing', 'unless-stopped', 'unless-stopped-at-rest'],
  ];

  test.each([
    { what: 'is as it was', isKept: true },
    { what: 'is gone', isKept: false },
  ])(
    'states are true and restart policies are applied, where the run dir $what',
    async ({ isKept }) => {
      await makeContainers();
      expect((await earlier('ps', '-q')).split('\n')).toHaveLength(5);
      await before.powerOff();
      if (!isKept) rmSync(scope.runDir, { recursive: true });
      expect(existsSync(scope.runDir)).toBe(isKept);

      expect(await names()).toEqual([]);
      expect(await names('-a')).toEqual(all);
      expect(await state('no')).toMatchObject({ Status: 'exited', Pid: 0 });
      expect(await state('created')).toMatchObject({ Status: 'created', Pid: 0 });
      expect(keeperProcesses(scope).keeper).toBe(0);

      const started = (await warren('boot')).split('\n').sort();
      expect(started).toEqual(['always', 'always-at-rest', 'unless-stopped']);
      expect(await names()).toEqual(started);
      for (const name of started) expect(await warren('exec', name, 'echo', 'here')).toBe('here');
      expect((await state('on-failure')).Status).toBe('exited');
      expect((await state('unless-stopped-at-rest')).Status).toBe('exited');
      expect(await names('-a')).toEqual(all.filter((name) => name !== 'passing'));
      expect(await warren('boot')).toBe('');
    },
  );

  test('a command without boot before it takes nothing for running, and starts what it is told to', async () => {
    await earlier('run', '-d', '--name', 'web', '--restart', 'always', 'tiny', 'pause');
    await earlier('run', '-d', '--name', 'net', '--network', 'default', 'tiny', 'pause');
    await before.powerOff();
    const { code, stderr } = await cli(scope, ['exec', 'web', 'true']);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('it is exited') as string,
    });
    await warren('start', 'net');
    expect(await warren('exec', 'net', 'echo', 'here')).toBe('here');
    expect(await names()).toEqual(['net']);
    expect(await warren('boot')).toBe('web');
    expect(await names()).toEqual(['net', 'web']);
  });
});

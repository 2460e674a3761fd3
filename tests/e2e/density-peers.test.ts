import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { peerNames } from '../../src/density/peers/names.js';
import type { RunningCli } from '../fixtures/cli.js';
import { DensityCli, machineKernel } from '../fixtures/density.js';
import { describeAsRoot } from '../privileges.js';

/** Emulated machines boot, and others may use the processors. */
const patienceMs = 300_000;

describeAsRoot('warren density --peers', () => {
  vi.setConfig({ testTimeout: patienceMs, hookTimeout: patienceMs });
  let cli: DensityCli;
  beforeAll(() => {
    cli = new DensityCli();
    vi.stubEnv('WARREN_DENSITY_KERNEL', machineKernel());
  });
  afterEach(() => {
    expect(cli.left()).toEqual([]);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await cli[Symbol.asyncDispose]();
  });

  /** Waits until the system has more processes than this; a run that ended before fails at once. */
  async function started(
    run: RunningCli,
    { name, processes }: { readonly name: string; readonly processes: number },
  ): Promise<void> {
    const ended = run.result.then(({ code, stderr }) => {
      throw new Error(`The run ended with ${String(code)}: ${stderr}`);
    });
    const seen = expect
      .poll(() => cli.processesOf(name), { timeout: patienceMs })
      .toBeGreaterThan(processes);
    await Promise.race([seen, ended]);
  }

  /** Starts a run of which only the peer lasts, and waits until it launches. */
  async function reach(peer: string): Promise<RunningCli> {
    const words = ['--count', '1', '--execs', '1', '--control', '0', '--peer-count', '100'];
    const run = cli.start(['density', ...words, '--peers', peer], { input: '' });
    const [name = ''] = peer.split(':');
    await started(run, { name, processes: 6 });
    return run;
  }

  test('runs every system in both configurations, and leaves nothing of any', async () => {
    const words = ['--peers', 'all', '--peer-count', '2', '--count', '1', '--control', '0'];
    const { peers } = await cli.measure('all.json', ...words);
    const [raw, ...others] = peerNames;
    expect(peers.map(({ name, variant }) => `${name} ${variant}`)).toEqual([
      `${raw} equal`,
      'warren default',
      ...others.flatMap((name) => [`${name} default`, `${name} equal`]),
    ]);
    for (const { name, variant, reason, rounds } of peers) {
      expect({ name, variant, reason }).toEqual({ name, variant, reason: null });
      expect(rounds).toMatchObject([{ count: 2, counted: 2, residue: [] }]);
      expect(rounds[0]?.series).toHaveLength(2);
    }
  });

  test('gives each system its turns in every repeat, and lists the reason of one that cannot run', async () => {
    vi.stubEnv('WARREN_DENSITY_KERNEL', '/nowhere/vmlinuz');
    const words = ['--peers', 'raw,qemu:equal', '--peer-count', '8', '--repeat', '2'];
    const { peers } = await cli.measure('turns.json', '--count', '1', '--control', '0', ...words);
    vi.stubEnv('WARREN_DENSITY_KERNEL', machineKernel());
    const [raw, own, qemu] = peers;
    expect(qemu).toMatchObject({ name: 'qemu', rounds: [] });
    expect(qemu?.reason).toContain('/nowhere/vmlinuz');
    for (const peer of [raw, own]) {
      expect(peer?.reason).toBeNull();
      expect(peer?.rounds.map(({ count }) => count)).toEqual([2, 2, 8, 2, 2, 2, 8, 2]);
      expect(peer?.rounds.map(({ counted }) => counted)).toEqual([2, 2, 8, 2, 2, 2, 8, 2]);
      expect(peer?.launchP50Ms.runs).toBe(8);
      expect(peer?.bytesPerContainer.runs).toBe(2);
    }
  });

  test('leaves nothing after Ctrl-C while others are measured', async () => {
    const run = await reach('docker:default');
    run.child.kill('SIGINT');
    const { code, stderr } = await run.result;
    expect({ code, stderr }).toMatchObject({ code: 130 });
  });

  test('is cleaned up after SIGKILL while others are measured, by doctor --leaks --fix', async () => {
    const run = await reach('podman:equal');
    run.child.kill('SIGKILL');
    await run.result;
    expect(cli.left().join()).toContain('podman-equal');
    await cli.output('doctor', '--leaks', '--fix');
  });

  test('is cleaned up after SIGKILL in the raw control, by the next run', async () => {
    const words = ['--count', '1', '--control', '3000', '--execs', '1'];
    const run = cli.start(['density', ...words], { input: '' });
    await started(run, { name: 'raw', processes: 5 });
    run.child.kill('SIGKILL');
    await run.result;
    expect(cli.left()).not.toEqual([]);
    await cli.output('density', '--count', '1', '--control', '0', '--execs', '1');
  });
});

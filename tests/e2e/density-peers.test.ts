import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { peerNames } from '../../src/density/peers/names.js';
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

  /** Starts a run of which only the peers last, and waits until the one has so many processes. */
  async function reach(peer: string, processes: number): Promise<ReturnType<DensityCli['start']>> {
    const words = ['--count', '1', '--execs', '1', '--control', '0', '--peer-count', '150'];
    const run = cli.start(['density', ...words, '--peers', peer], { input: '' });
    const [name = ''] = peer.split(':');
    await expect
      .poll(() => cli.processesOf(name), { timeout: patienceMs })
      .toBeGreaterThan(processes);
    return run;
  }

  test('runs every system in both configurations, and leaves nothing of any', async () => {
    const words = ['--peers', 'all', '--peer-count', '2', '--count', '2', '--control', '0'];
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

  test('lists a system that cannot run with the reason, and measures the others', async () => {
    vi.stubEnv('WARREN_DENSITY_KERNEL', '/nowhere/vmlinuz');
    const words = ['--peers', 'qemu:equal,bwrap:equal', '--peer-count', '2', '--control', '0'];
    const { peers } = await cli.measure('reason.json', '--count', '2', ...words);
    vi.stubEnv('WARREN_DENSITY_KERNEL', machineKernel());
    expect(peers).toMatchObject([
      { name: 'warren', reason: null },
      { name: 'qemu', reason: expect.stringContaining('/nowhere/vmlinuz') as string, rounds: [] },
      { name: 'bwrap', reason: null, rounds: [{ counted: 2 }] },
    ]);
  });

  test('gives each system short turns and a full one in every repeat', async () => {
    const words = ['--peers', 'raw,bwrap:equal', '--peer-count', '8', '--repeat', '2'];
    const { peers, runs } = await cli.measure('turns.json', '--control', '0', ...words);
    expect(runs).toHaveLength(2);
    for (const { rounds, launchP50Ms, bytesPerContainer } of peers) {
      expect(rounds.map(({ count }) => count)).toEqual([2, 2, 8, 2, 2, 2, 8, 2]);
      expect(rounds.map(({ counted }) => counted)).toEqual([2, 2, 8, 2, 2, 2, 8, 2]);
      expect(launchP50Ms.runs).toBe(8);
      expect(bytesPerContainer.runs).toBe(2);
    }
  });

  test('leaves nothing after Ctrl-C while others are measured', async () => {
    for (const peer of ['docker:default', 'lxc:default']) {
      const run = await reach(peer, 6);
      run.child.kill('SIGINT');
      const { code, stderr } = await run.result;
      expect({ code, stderr }).toMatchObject({ code: 130 });
      expect(cli.left()).toEqual([]);
    }
  });

  test('is cleaned up after SIGKILL while others are measured', async () => {
    for (const [peer, ...clean] of [
      ['podman:equal', 'doctor', '--leaks', '--fix'],
      ['nspawn:default', 'density', '--count', '1', '--control', '0', '--execs', '1'],
    ] as const) {
      const run = await reach(peer, 6);
      run.child.kill('SIGKILL');
      await run.result;
      expect(cli.left()).not.toEqual([]);
      await cli.output(...clean);
      expect(cli.left()).toEqual([]);
    }
  });

  test('is cleaned up after SIGKILL in the raw control', async () => {
    const words = ['--count', '1', '--control', '3000', '--execs', '1'];
    const run = cli.start(['density', ...words], { input: '' });
    await expect.poll(() => cli.processesOf('raw'), { timeout: patienceMs }).toBeGreaterThan(5);
    run.child.kill('SIGKILL');
    await run.result;
    expect(cli.left()).not.toEqual([]);
    await cli.output('doctor', '--leaks', '--fix');
  });
});

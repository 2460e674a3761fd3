import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { DensityReport } from '../../src/density/report/document.js';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

const few = ['--count', '24', '--control', '16', '--execs', '10', '--requests', '40'];

/** A run takes several seconds by itself, and more beside others. */
const patienceMs = 300_000;

describeAsRoot('warren density', () => {
  vi.setConfig({ testTimeout: patienceMs });
  let cli: TestCli;
  beforeAll(() => {
    cli = new TestCli();
  });
  afterEach(() => {
    expect(left()).toEqual([]);
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  /** What a run may have left: its directory, its cgroups in any hierarchy. */
  function left(): string[] {
    const root = '/sys/fs/cgroup';
    const { dataRoot, cgroupParent } = cli.scope;
    return [
      join(dataRoot, 'density'),
      ...['', ...readdirSync(root)].map((name) => join(root, name, `${cgroupParent}-density`)),
    ].filter((path) => existsSync(path));
  }

  function file(name: string): string {
    return join(cli.scope.directory, name);
  }

  async function measure(name: string, ...args: string[]): Promise<DensityReport> {
    const { code, stderr } = await cli.run(['density', ...few, '--json', file(name), ...args]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return JSON.parse(readFileSync(file(name), 'utf8')) as DensityReport;
  }

  test('launches containers, proves each, uses and removes them, and writes what it measured', async () => {
    const report = await measure('a.json', '--workload', 'http', '--churn', '1');
    expect(report).toMatchObject({ schema: 'warren-density/1', failures: [] });
    const [run] = report.runs;
    expect(run?.ramp).toMatchObject({ asked: 24, count: 24, failed: 0, stoppedBy: null });
    expect(run?.ramp.series).toHaveLength(24);
    expect(run?.ramp.each.samples).toBe(24);
    expect(run?.gate).toMatchObject({ checked: 24, passed: 24, failures: [] });
    expect(run?.gate.limits.map(({ limit, held }) => ({ limit, held }))).toEqual(
      ['memory', 'pids', 'cpu'].map((limit) => ({ limit, held: true })),
    );
    expect(run?.checkpoints.map(({ count }) => count)).toEqual([3, 6, 12, 24]);
    expect(run?.checkpoints.map(({ requests }) => requests?.latency.samples)).toEqual(
      Array(4).fill(40),
    );
    expect(run?.steady).toMatchObject({ list: { listed: 24 }, stats: { count: 24 } });
    expect(run?.churn.map(({ arrivals, failed }) => ({ arrivals, failed }))).toEqual([
      { arrivals: 'constant', failed: 0 },
      { arrivals: 'poisson', failed: 0 },
    ]);
    expect(run?.teardown).toMatchObject({ kill: { count: 24 }, reclaim: { count: 24 } });
    expect(run?.residue).toEqual([]);
    expect(report.control?.before.launch.count).toBe(16);
    expect(report.container).toMatchObject({
      namespaces: ['pid', 'mnt', 'uts', 'ipc', 'cgroup', 'user', 'net'],
      rootFileSystem: 'overlay',
      superblocks: 5,
      seccomp: 'filter',
    });
    expect(report.host.memoryCgroupBytes).not.toBeNull();
  });

  test('has two file systems fewer in each container with --superblocks 3', async () => {
    const report = await measure('b.json', '--superblocks', '3', '--closed-loop', '--control', '0');
    expect(report.container.superblocks).toBe(3);
    expect(report.control).toBeNull();
    expect(report.runs[0]?.ramp.clock).toContain('one at a time');
  });

  test('measures other systems the same way, lists why one cannot, and leaves nothing of them', async () => {
    const report = await measure('p.json', '--peers', 'all', '--peer-count', '6', '--control', '0');
    expect(report.peers.map(({ name }) => name)).toEqual([
      ...['raw', 'warren', 'crun', 'crun', 'runc', 'runc', 'bwrap', 'bwrap'],
    ]);
    for (const { reason, rounds, count } of report.peers) {
      if (reason === null) expect(rounds[0]).toMatchObject({ counted: count, residue: [] });
      else expect(reason).toMatch(/not installed/);
    }
  });

  test('compare shows what a figure became, and what else differs', async () => {
    const shown = await cli.output('density', 'compare', file('a.json'), file('b.json'));
    expect(shown).toContain('launch p50');
    expect(shown).toContain('superblocks: 5 and 3');
    writeFileSync(file('none.json'), '{}');
    const refused = await cli.run(['density', 'compare', file('a.json'), file('none.json')]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('it is no density report');
  });

  test('stops at the reserve, says which number it reached, and fails', async () => {
    const args = ['density', '--count', '200', '--control', '0', '--execs', '1', '--reserve', '1t'];
    const { code, stderr } = await cli.run(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/failed: \d+ of 200 launched: the reserve of 1024.0 GiB was reached/);
  });

  test('leaves nothing after Ctrl-C in the middle of the ramp', async () => {
    const run = cli.start(['density', '--count', '3000', '--control', '0'], { input: '' });
    await expect.poll(running, { timeout: patienceMs }).toBeGreaterThan(5);
    run.child.kill('SIGINT');
    expect((await run.result).code).toBe(130);
  });

  test('is cleaned up after SIGKILL by doctor --leaks --fix, and by the next run', async () => {
    for (const clean of [
      ['doctor', '--leaks', '--fix'],
      ['density', '--count', '2', '--control', '0', '--execs', '1'],
    ]) {
      const run = cli.start(['density', '--count', '3000', '--control', '0'], { input: '' });
      await expect.poll(running, { timeout: patienceMs }).toBeGreaterThan(5);
      run.child.kill('SIGKILL');
      await run.result;
      expect(left()).not.toEqual([]);
      await cli.output(...clean);
      expect(left()).toEqual([]);
    }
  });

  test('refuses a second run beside one that is under way', async () => {
    const run = cli.start(['density', '--count', '3000', '--control', '0'], { input: '' });
    await expect.poll(running, { timeout: patienceMs }).toBeGreaterThan(5);
    const second = await cli.run(['density', '--count', '1']);
    expect(second.stderr).toContain('another density run is under way');
    run.child.kill('SIGINT');
    expect((await run.result).code).toBe(130);
  });

  test('doctor --forecast names the first wall, and every limit', async () => {
    const shown = await cli.output('doctor', '--forecast');
    expect(shown).toMatch(/^Fits [\d,]+ more like this; first wall: /);
    for (const wall of ['memory', 'process ids', 'memory cgroup ids', 'net namespaces', 'inodes']) {
      expect(shown).toContain(wall);
    }
  });

  /** Containers of the run that is under way, by their cgroups. */
  function running(): number {
    const root = join('/sys/fs/cgroup', existsSync('/sys/fs/cgroup/pids') ? 'pids' : '');
    const parent = join(root, `${cli.scope.cgroupParent}-density`);
    return existsSync(parent) ? readdirSync(parent).filter((name) => name.length === 64).length : 0;
  }
});

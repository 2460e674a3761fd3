import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { DensityCli } from '../fixtures/density.js';
import { describeAsRoot } from '../privileges.js';

/** A run takes several seconds by itself, and more beside others. */
const patienceMs = 300_000;

describeAsRoot('warren density', () => {
  vi.setConfig({ testTimeout: patienceMs });
  let cli: DensityCli;
  beforeAll(() => {
    cli = new DensityCli();
  });
  afterEach(() => {
    expect(cli.left()).toEqual([]);
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  test('launches containers, proves each, uses and removes them, and writes what it measured', async () => {
    const report = await cli.measure('a.json', '--workload', 'http', '--churn', '1');
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
    const report = await cli.measure(
      'b.json',
      '--superblocks',
      '3',
      '--closed-loop',
      '--control',
      '0',
    );
    expect(report.container.superblocks).toBe(3);
    expect(report.control).toBeNull();
    expect(report.runs[0]?.ramp.clock).toContain('one at a time');
  });

  test('compare shows what a figure became, and what else differs', async () => {
    const shown = await cli.output('density', 'compare', cli.file('a.json'), cli.file('b.json'));
    expect(shown).toContain('launch p50');
    expect(shown).toContain('superblocks: 5 and 3');
    writeFileSync(cli.file('none.json'), '{}');
    const refused = await cli.run([
      'density',
      'compare',
      cli.file('a.json'),
      cli.file('none.json'),
    ]);
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
    await expect.poll(() => cli.running(), { timeout: patienceMs }).toBeGreaterThan(5);
    run.child.kill('SIGINT');
    expect((await run.result).code).toBe(130);
  });

  test('is cleaned up after SIGKILL by doctor --leaks --fix, and by the next run', async () => {
    for (const clean of [
      ['doctor', '--leaks', '--fix'],
      ['density', '--count', '2', '--control', '0', '--execs', '1'],
    ]) {
      const run = cli.start(['density', '--count', '3000', '--control', '0'], { input: '' });
      await expect.poll(() => cli.running(), { timeout: patienceMs }).toBeGreaterThan(5);
      run.child.kill('SIGKILL');
      await run.result;
      expect(cli.left()).not.toEqual([]);
      await cli.output(...clean);
      expect(cli.left()).toEqual([]);
    }
  });

  test('refuses a second run beside one that is under way', async () => {
    const run = cli.start(['density', '--count', '3000', '--control', '0'], { input: '' });
    await expect.poll(() => cli.running(), { timeout: patienceMs }).toBeGreaterThan(5);
    const second = await cli.run(['density', '--count', '1']);
    expect(second.stderr).toContain('another density run is under way');
    run.child.kill('SIGINT');
    expect((await run.result).code).toBe(130);
  });

  test('doctor --forecast names the first wall, and every limit', async () => {
    const shown = await cli.output('doctor', '--forecast');
    expect(shown).toMatch(/^Fits [\d,]+ more like this; first wall: /);
    const walls = [
      ...['memory', 'process ids', 'open files', 'terminals', 'memory cgroup ids', 'mounts'],
      ...['net namespaces', 'ports of a bridge', 'published ports', 'neighbours'],
      ...['inotify instances', 'session keys', 'inodes', 'user id ranges'],
    ];
    for (const wall of walls) expect(shown).toMatch(new RegExp(`^${wall} `, 'm'));
  });
});

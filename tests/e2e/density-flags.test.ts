import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { DensityCli } from '../fixtures/density.js';
import { describeAsRoot } from '../privileges.js';

const patienceMs = 300_000;
const name = 'fs.inotify.max_user_instances';

function instances(): number {
  return Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
}

describeAsRoot('flags of warren density', () => {
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

  test('--repeat measures so often and tells medians of all', async () => {
    const { runs, headline } = await cli.measure(
      'r.json',
      '--repeat',
      '3',
      '--count',
      '4',
      '--control',
      '0',
    );
    expect(runs.map(({ ramp, residue }) => [ramp.count, residue])).toEqual(Array(3).fill([4, []]));
    expect(headline.launched).toEqual({ median: 4, least: 4, most: 4, runs: 3 });
    const medians = runs.map(({ ramp }) => ramp.each.p50Ms).sort((a, b) => a - b);
    expect(headline.launchP50Ms).toMatchObject({ least: medians[0], median: medians[1] });
  });

  test('--rate launches at fixed times and counts from them', async () => {
    const { runs, scenario } = await cli.measure(
      'o.json',
      '--rate',
      '80',
      '--count',
      '8',
      '--control',
      '0',
    );
    expect(scenario.arrival).toEqual({ kind: 'open', perSecond: 80 });
    expect(runs[0]?.ramp).toMatchObject({ asked: 8, count: 8, failed: 0 });
    expect(runs[0]?.ramp.clock).toContain('scheduled time');
    expect(runs[0]?.ramp.series).toHaveLength(8);
  });

  test('--keep leaves the containers running until doctor --leaks --fix, or the next run', async () => {
    for (const clean of [
      ['doctor', '--leaks', '--fix'],
      ['density', '--count', '1', '--control', '0', '--execs', '1'],
    ]) {
      await cli.measure('k.json', '--keep', '--count', '8', '--control', '0');
      expect(cli.running()).toBe(8);
      const found = await cli.run(['doctor', '--leaks']);
      expect(found.stdout).toContain('kept by a density run');
      expect(cli.running()).toBe(8);
      await cli.output(...clean);
      expect(cli.running()).toBe(0);
    }
  });

  /** More than this host has inotify instances for, and none of them launched: the reserve is everything. */
  function tuneWords(): string[] {
    const words = ['--count', `${instances() + 8}`, '--control', '0', '--execs', '1'];
    return ['density', '--tune', ...words, '--json', cli.file('t.json')];
  }

  test('--tune raises what stands in the way, tells it, and puts it back', async () => {
    const before = instances();
    const { stderr } = await cli.run([...tuneWords(), '--reserve', '1t']);
    const change = cli.report('t.json').tuned.find((one) => one.name === name);
    expect(change).toMatchObject({ before });
    expect(change?.during).toBeGreaterThan(before);
    expect(stderr).toContain(`${name} was ${change?.during} for this run, and is ${before} again`);
    expect(instances()).toBe(before);
  });

  test('what --tune raised is put back after SIGKILL', async () => {
    const before = instances();
    const run = cli.start([...tuneWords(), '--rate', '5'], { input: '' });
    await expect.poll(() => cli.running(), { timeout: patienceMs }).toBeGreaterThan(1);
    expect(instances()).toBeGreaterThan(before);
    run.child.kill('SIGKILL');
    await run.result;
    expect(instances()).toBeGreaterThan(before);
    await cli.output('doctor', '--leaks', '--fix');
    expect(instances()).toBe(before);
  });
});

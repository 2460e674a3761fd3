import { expect, test } from 'vitest';
import { measureDensity } from '../../../src/density/measure.js';
import { renderReport } from '../../../src/density/report.js';
import { openScope } from '../../density/scope.js';
import { describeAsRoot } from '../../privileges.js';

const count = 200;

describeAsRoot('a density run', () => {
  test('launches, lists, executes in, kills and removes all of its containers, and leaves nothing', async () => {
    await using scope = openScope();
    const report = await measureDensity({
      count,
      execs: 40,
      singles: 5,
      lists: 1,
      superblocks: 3,
      control: false,
      engine: scope.engine,
    });
    expect(report.launch).toMatchObject({ count, failed: 0 });
    expect(report.launch.each.samples).toBe(count);
    expect(report.list.listed).toBe(count);
    expect(report.exec.succeeded).toBe(40);
    expect(report.stats.count).toBe(count);
    expect(report.kill.count).toBe(count);
    expect(report.reclaim.count).toBe(count);
    expect(report.residue).toEqual([]);
    expect(renderReport(report)).toContain('superblock mark');
  });
});

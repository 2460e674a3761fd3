import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { measureDensity } from '../../src/density/measure.js';
import { renderReport } from '../../src/density/report.js';
import { openScope } from './scope.js';
import { describeAsRoot } from '../privileges.js';

const reports = join(import.meta.dirname, '..', '..', 'build', 'density');

function number(variable: string, otherwise: number): number {
  return Number(process.env[variable] ?? otherwise);
}

describeAsRoot('density', () => {
  test('thousands of containers are launched, used and removed beside the raw control', async () => {
    await using scope = openScope();
    const count = number('WARREN_DENSITY_COUNT', 2000);
    const execs = number('WARREN_DENSITY_EXECS', 1000);
    const superblocks = number('WARREN_DENSITY_SUPERBLOCKS', 5) === 3 ? 3 : 5;
    const report = await measureDensity(
      { count, execs, singles: 200, lists: 9, superblocks, control: true, engine: scope.engine },
      (step) => process.stderr.write(`density: ${step}\n`),
    );
    mkdirSync(reports, { recursive: true });
    writeFileSync(join(reports, `${count}-s${superblocks}.json`), JSON.stringify(report, null, 2));
    process.stdout.write(`\n${renderReport(report)}\n`);
    expect(report.launch).toMatchObject({ count, failed: 0 });
    expect(report.list.listed).toBe(count);
    expect(report.exec.succeeded).toBe(execs);
    expect(report.stats.count).toBe(count);
    expect(report.kill.count).toBe(count);
    expect(report.reclaim.count).toBe(count);
    expect(report.residue).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DensityReport } from '../../src/density/report/document.js';
import { describeAsRoot } from '../privileges.js';
import { newScope, removeScope } from '../scope.js';

const repository = join(import.meta.dirname, '..', '..');
const reports = join(repository, 'build', 'density');

function number(variable: string, otherwise: number): number {
  return Number(process.env[variable] ?? otherwise);
}

describeAsRoot('density', () => {
  test('thousands of containers are launched, proved real, used and removed beside the raw control', () => {
    const scope = newScope();
    const count = number('WARREN_DENSITY_COUNT', 2000);
    const superblocks = number('WARREN_DENSITY_SUPERBLOCKS', 5);
    mkdirSync(reports, { recursive: true });
    const file = join(reports, `${count}-s${superblocks}`);
    try {
      execFileSync(
        process.execPath,
        [
          join(repository, 'bin', 'warren.js'),
          ...['--data-root', scope.dataRoot, '--run-dir', scope.runDir],
          ...['--cgroup-parent', scope.cgroupParent, 'density', '--tune'],
          ...['--count', `${count}`, '--superblocks', `${superblocks}`],
          ...['--json', `${file}.json`, '--report', `${file}.html`],
        ],
        { stdio: 'inherit' },
      );
    } finally {
      removeScope(scope);
    }
    const report = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as DensityReport;
    expect(report.failures).toEqual([]);
    expect(report.runs[0]?.gate).toMatchObject({ checked: count, passed: count });
    expect(report.runs[0]?.teardown.reclaim.count).toBe(count);
  });
});

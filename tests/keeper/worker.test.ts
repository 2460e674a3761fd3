import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { describeAsRoot } from '../privileges.js';
import { cTests, folder } from './c-tests.js';

const sources = join(import.meta.dirname, 'worker');

/** The program that plays the hostile container: static, for it runs in a root file system without libraries. */
function buildProbe(): string {
  const directory = mkdtempSync(join(tmpdir(), 'warren-probe-'));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const program = join(directory, 'probe');
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O2', '-static'];
  execFileSync('gcc', [...flags, '-o', program, join(sources, 'probe.c')]);
  return program;
}

describeAsRoot('worker', () => {
  process.env['PROBE'] = buildProbe();
  cTests('worker', [
    join(sources, 'harness.c'),
    join(sources, 'plan-builder.c'),
    ...['worker', 'child', 'plan', 'base'].flatMap(folder),
  ]);
});

/**
 * A step of the build: runs `warren ps` on an empty data root, and keeps what V8 has compiled by its end beside the files of the
 * program. Without root it is `warren ps --help`, and less is kept: no engine is opened.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../base/package.js';
import { ProgramFiles } from './program-files.js';

const directory = join(packageRoot, 'dist', 'program');
const main = 'main.cjs';
const files = new ProgramFiles(directory, createRequire(join(directory, main)));
const scratch = mkdtempSync(join(tmpdir(), 'warren-build-'));
let loaded = false;

process.on('exit', () => {
  rmSync(scratch, { recursive: true, force: true });
  if (!loaded) return;
  for (const [name, code] of files.code()) writeFileSync(join(directory, name), code);
  // Whatever the command made of this machine.
  process.exitCode = 0;
});
const places = ['--data-root', join(scratch, 'data'), '--run-dir', join(scratch, 'run')];
const words = process.geteuid?.() === 0 ? ['ps', ...places] : ['ps', '--help'];
process.argv.splice(2, Infinity, ...words);
files.load(main);
loaded = true;

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..', '..');

/**
 * Global setup of every project that runs `dist` or the keeper: builds both, once per vitest run.
 * A passing type check does not prove that `dist` is fresh.
 */
export default function buildOnce(): void {
  if (process.env['WARREN_TEST_BUILT'] !== undefined) return;
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: repository, stdio: 'inherit' });
  process.env['WARREN_TEST_BUILT'] = '1';
}

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const sources = join(import.meta.dirname, '..', '..', 'src', 'keeper');

/** Global setup of the keeper's own tests: builds the variant with sanitizers. */
export default function buildSanitizedKeeper(): void {
  execFileSync('make', ['-s', '-C', sources, 'asan'], { stdio: 'inherit' });
}

import { mkdirSync } from 'node:fs';
import { runDirectory, runPrefix, runPrefixVariable } from '../scope.js';
import { removeRunDirectories, residueAfter, takeSnapshot } from '../residue.js';

const settleMs = 60_000;

/** Set by the first project that found residue: every project of a run has the same, and one list is enough. */
const toldVariable = 'WARREN_TEST_RESIDUE_TOLD';

/**
 * Global setup of the projects that touch the kernel: names the run, and at its end fails it when
 * anything that carries the run's name is left. In CI, where the machine is ours alone, everything
 * that looks like Warren's counts.
 */
export default function watchResidue(): () => Promise<void> {
  const prefix = runPrefix();
  process.env[runPrefixVariable] = prefix;
  mkdirSync(runDirectory(prefix), { recursive: true, mode: 0o700 });
  const scope = { prefix, wholeMachine: process.env['CI'] === 'true' };
  const before = takeSnapshot(scope);
  return async () => {
    if (process.env[toldVariable] === prefix) return;
    const residue = await residueAfter({ before, scope, settleMs });
    if (residue.length > 0) {
      process.exitCode = 1;
      process.env[toldVariable] = prefix;
      throw new Error(`The tests left residue:\n  ${residue.join('\n  ')}`);
    }
    removeRunDirectories(prefix);
  };
}

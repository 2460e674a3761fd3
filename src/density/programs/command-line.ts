/** Warren's own command line, as a user starts it. */
import { join } from 'node:path';
import { packageRoot } from '../../base/package.js';
import type { EngineOptions } from '../../engine/contract.js';
import { runProgram } from '../peers/tools/program.js';

const program = join(packageRoot, 'bin', 'warren.js');

/** Output lines of `warren ARGUMENTS…` on the engine's state. */
export async function runWarren(
  { dataRoot, runDir }: Required<Pick<EngineOptions, 'dataRoot' | 'runDir'>>,
  args: readonly string[],
): Promise<readonly string[]> {
  const { stdout } = await runProgram(process.execPath, [program, ...args], {
    environment: { WARREN_DATA_ROOT: dataRoot, WARREN_RUN_DIR: runDir },
  });
  return stdout.trimEnd().split('\n');
}

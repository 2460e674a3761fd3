/** Warren's own command line, as a user starts it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../base/package.js';
import type { EngineOptions } from '../../engine/contract.js';

const execute = promisify(execFile);
const program = join(packageRoot, 'bin', 'warren.js');
const maximumOutputBytes = 64 * 1024 * 1024;

/** Output lines of `warren ARGUMENTS…` on the engine's state. */
export async function runWarren(
  engine: Pick<EngineOptions, 'dataRoot' | 'runDir'>,
  args: readonly string[],
): Promise<readonly string[]> {
  const { stdout } = await execute(process.execPath, [program, ...args], {
    maxBuffer: maximumOutputBytes,
    env: {
      ...process.env,
      ...(engine.dataRoot === undefined ? {} : { WARREN_DATA_ROOT: engine.dataRoot }),
      ...(engine.runDir === undefined ? {} : { WARREN_RUN_DIR: engine.runDir }),
    },
  });
  return stdout.trimEnd().split('\n');
}

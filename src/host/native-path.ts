import { existsSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../base/package.js';
import { WarrenError } from '../base/errors.js';

export type NativeProgram =
  'warren-init' | 'warren-files' | 'warren-raw' | 'warren-look' | 'warren-inside';

/**
 * Path of a native program of this package. `WARREN_NATIVE_DIR` names another directory.
 * Throws unavailable (NATIVE_PROGRAM_MISSING).
 */
export function nativeProgramPath(name: NativeProgram): string {
  const directory =
    process.env['WARREN_NATIVE_DIR'] ?? join(packageRoot, 'dist', 'native', `linux-${arch()}`);
  const path = join(directory, name);
  if (!existsSync(path)) {
    throw new WarrenError(
      'unavailable',
      'NATIVE_PROGRAM_MISSING',
      `Cannot use ${name}: ${path} does not exist`,
      { hint: `Build it for ${arch()} with: npm run build` },
    );
  }
  return path;
}

import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { nativeProgramPath } from '../../host/native-path.js';
import { programName } from '../peers/tools/processes.js';

/** The smallest root file system: one static program, and places to mount. */
export function makeRootfs(directory: string): string {
  const rootfs = join(directory, 'rootfs');
  // The mapped root of a user namespace has to get through.
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  for (const name of ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp', 'usr', 'var']) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  const program = join(rootfs, 'bin', programName);
  copyFileSync(nativeProgramPath('warren-init'), program);
  chmodSync(program, 0o755);
  return rootfs;
}

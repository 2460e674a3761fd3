import { join } from 'node:path';
import type { PeerTask } from '../peer.js';
import { runProgram } from './program.js';

/** The root file system as the tar archive that images are imported from; its path. */
export async function archiveRootfs({ directory, rootfs }: PeerTask): Promise<string> {
  const path = join(directory, 'rootfs.tar');
  await runProgram('tar', ['--create', '--file', path, '--directory', rootfs, '.']);
  return path;
}

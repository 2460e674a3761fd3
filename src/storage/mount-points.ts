import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.js';
import { makeTemporaryDirectory } from '../host/temporary-directory.js';
import { removeTree } from '../host/tree/remove-tree.js';

/** Store-relative: the lowest layer of every container. */
const mountPoints = 'mount-points';

/** Prefix of the directories in `<data root>/tmp` that become the layer. */
export const mountPointsPrefix = 'mount-points';

/**
 * The layers of a container, top first: those of its image, and below them one with the places at which Warren itself mounts
 * something. Without it those would be made in the writable layer, and count as the container's changes.
 */
export function withMountPoints(layers: readonly string[]): readonly string[] {
  return [...layers, mountPoints];
}

/** Makes the layer of mount points when it is missing. Other processes may do the same. */
export async function makeMountPoints(dataRoot: string): Promise<void> {
  const target = join(dataRoot, mountPoints);
  if (existsSync(target)) return;
  const temporary = makeTemporaryDirectory(join(dataRoot, 'tmp'), mountPointsPrefix);
  try {
    for (const name of ['', 'dev', 'etc', 'proc', 'sys']) {
      mkdirSync(join(temporary, name), { recursive: true });
      // Whatever our umask is.
      chmodSync(join(temporary, name), 0o755);
    }
    for (const name of ['hostname', 'hosts', 'resolv.conf']) {
      const path = join(temporary, 'etc', name);
      writeFileSync(path, '');
      chmodSync(path, 0o644);
    }
    renameSync(temporary, target);
  } catch (error) {
    await removeTree(temporary);
    const errno = errnoOf(error);
    if (errno !== 'EEXIST' && errno !== 'ENOTEMPTY') throw error;
  }
}

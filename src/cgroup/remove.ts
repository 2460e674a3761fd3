import { errnoOf, WarrenError } from '../base/errors.js';
import type { CgroupFiles, CgroupGroup } from '../host/port.js';

/** Removes a group and all in it, deepest first. Throws conflict while processes are in one. */
export function removeTree(files: CgroupFiles, group: CgroupGroup): void {
  for (const name of files.children(group)) {
    removeTree(files, { ...group, path: `${group.path}/${name}` });
  }
  try {
    files.remove(group);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error;
    throw new WarrenError(
      'conflict',
      'CGROUP_BUSY',
      `Cannot remove cgroup ${group.path}: processes are in it`,
      { hint: 'Stop the container first', cause: error },
    );
  }
}

/** Removes a group if nothing is in it. */
export function removeEmpty(files: CgroupFiles, group: CgroupGroup): void {
  if (group.path === '') return;
  try {
    files.remove(group);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error;
  }
}

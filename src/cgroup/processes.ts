import { errnoOf, WarrenError } from '../base/errors.js';
import type { CgroupFiles, CgroupGroup } from '../host/port.js';

/** Pids of a group and of all groups in it: containers may make groups of their own. */
export function processesIn(files: CgroupFiles, group: CgroupGroup): number[] {
  const own = (files.read(group, 'cgroup.procs') ?? '').split('\n').filter(Boolean).map(Number);
  const below = files
    .children(group)
    .flatMap((name) => processesIn(files, { ...group, path: `${group.path}/${name}` }));
  return [...own, ...below];
}

/** More than any honest program forks between two looks; a fork bomb runs into its limit first. */
const migrationPasses = 100;

export interface Migration {
  /** Says which processes; may be in another hierarchy. */
  readonly from: CgroupGroup;
  /** A v1 group. */
  readonly to: CgroupGroup;
}

/**
 * Moves all processes of a container into a v1 group. Children of a moved process are born there, so
 * each pass leaves only what a process that was not moved yet has forked meanwhile.
 */
export function migrate(files: CgroupFiles, { from, to }: Migration): void {
  for (let pass = 0; pass < migrationPasses; pass++) {
    const there = new Set((files.read(to, 'cgroup.procs') ?? '').split('\n').map(Number));
    const left = processesIn(files, from).filter((pid) => !there.has(pid));
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        files.write(to, 'cgroup.procs', String(pid));
      } catch (error) {
        if (errnoOf(error) !== 'ESRCH') throw error;
      }
    }
  }
  throw new WarrenError(
    'conflict',
    'CGROUP_BUSY',
    `Cannot limit ${from.path}: its processes fork faster than they can be moved`,
    { hint: 'Pause the container, update it and unpause it' },
  );
}

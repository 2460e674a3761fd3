import { WarrenError } from '../base/errors.js';
import type { CgroupGroup } from '../host/port.js';
import type { Resources } from '../model/resources.js';
import type { CgroupRequest } from './driver.js';
import type { GroupSet } from './group-set.js';
import { canonicalResources } from './settings/canonical.js';
import { migrate, processesIn } from './processes.js';
import { fillCpuset } from './parents.js';
import { parentOf } from './placement.js';
import { applyChanges, changesBetween } from './update.js';

function requireRunning(groups: GroupSet, path: string): CgroupGroup {
  const unified = { hierarchy: 0, path };
  if (groups.exists(unified)) return unified;
  throw new WarrenError(
    'notFound',
    'NO_CGROUP',
    `Cannot update limits of ${path}: the container does not run`,
  );
}

/** Gives the container a v1 group that it has not needed so far, still empty. */
function makeGroup(groups: GroupSet, group: CgroupGroup): void {
  groups.files.make(group);
  const cpuset = groups.controllers.get('cpuset');
  if (cpuset?.version === 1 && cpuset.hierarchy === group.hierarchy) {
    fillCpuset(groups.files, group.hierarchy, group.path);
  }
}

/** Takes the group away again: its processes go to the parent's group. */
function unmakeGroup(groups: GroupSet, group: CgroupGroup): void {
  const parent = { ...group, path: parentOf(group.path) };
  if (processesIn(groups.files, group).length > 0) {
    migrate(groups.files, { from: group, to: parent });
  }
  groups.files.remove(group);
}

/** Runs the steps in reverse order, all of them, and throws `error` with what went wrong as well. */
function unwind(steps: readonly (() => void)[], error: unknown): never {
  const failures: unknown[] = [];
  for (const step of [...steps].reverse()) {
    try {
      step();
    } catch (failure) {
      failures.push(failure);
    }
  }
  if (failures.length === 0) throw error;
  const message = error instanceof Error ? error.message : String(error);
  throw new AggregateError([error, ...failures], message);
}

/**
 * Brings the limits of a running container from one set to another. On v1 a new kind of limit needs a
 * group of its own, into which the container's processes move; what they hold by then stays charged to
 * the parent's group.
 */
export function updateLimits(
  groups: GroupSet,
  { path, resources }: CgroupRequest,
  previous: Resources,
): void {
  const unified = requireRunning(groups, path);
  const before = groups.translateAgain(path, canonicalResources(previous));
  const after = groups.prepare(path, canonicalResources(resources));
  const added = groups.ownGroups(path, after).filter((group) => !groups.exists(group));
  const undo: (() => void)[] = [];
  try {
    for (const group of added) {
      undo.push(() => {
        unmakeGroup(groups, group);
      });
      makeGroup(groups, group);
    }
    undo.push(
      applyChanges({
        files: groups.files,
        path,
        changes: changesBetween(before, after, (setting) => groups.resetOf(path, setting)),
        groupOf: (controller) => groups.groupOf(controller, path),
      }),
    );
    for (const group of added) migrate(groups.files, { from: unified, to: group });
  } catch (error) {
    unwind(undo, error);
  }
}

import { WarrenError } from '../base/errors.js';
import { scopePath } from '../host/systemd-scope.js';

export interface ParentChoice {
  /** What the user asked for (`--cgroup-parent`), with or without a leading slash. */
  readonly requested?: string;
  /** `/proc/1/cgroup`. */
  readonly initMembership: string;
  /** Whether process 1 is a container's: on a host its group says nothing about what was delegated. */
  readonly insideContainer: boolean;
  /** systemd is process 1, on a host or in a container, and gives the groups. */
  readonly systemd: boolean;
  /** Of the group that is ours when nobody asked for one. Engines differ in it. */
  readonly name: string;
}

/** The group of process 1 in the unified hierarchy, else in the first one, without slashes at the ends. */
function initGroup(membership: string): string {
  const lines = membership.split('\n').filter(Boolean);
  const line = lines.find((candidate) => candidate.startsWith('0::')) ?? lines[0] ?? '';
  return line
    .split(':')
    .slice(2)
    .join(':')
    .replace(/^\/+|\/+$/g, '');
}

/** systemd keeps itself in a group of its own, which says nothing about what was delegated. */
function isDelegated(group: string): boolean {
  return group !== '' && group !== 'init.scope' && !group.startsWith('..');
}

/**
 * The group below which all containers live: the one that was asked for, else under systemd that of a scope, else `name` at
 * the top. Inside another container that sees the host's tree, it is below that container's own group, which is where process
 * 1 is; with a cgroup namespace the mount already ends there. Throws invalidArgument for a path that
 * leaves the hierarchy.
 */
export function chooseParent(choice: ParentChoice): string {
  const { requested, name } = choice;
  if (requested === undefined || requested === '') {
    if (choice.systemd) return scopePath(name);
    if (!choice.insideContainer) return name;
    const own = initGroup(choice.initMembership);
    return isDelegated(own) ? `${own}/${name}` : name;
  }
  const parts = requested.split('/').filter(Boolean);
  if (parts.length === 0 || parts.some((part) => part === '.' || part === '..')) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_CGROUP_PARENT',
      `Cannot use cgroup parent ${requested}: it must name a group below the root`,
    );
  }
  return parts.join('/');
}

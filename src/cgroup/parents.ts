import { errnoOf, WarrenError } from '../base/errors.js';
import type { CgroupFiles, CgroupGroup } from '../host/port.js';
import { scopeAbove } from '../host/systemd-scope.js';
import { unsupportedLimit } from './settings/setting.js';
import type { ControllerMap, LimitController } from './controllers.js';

function missingControllers(
  files: CgroupFiles,
  group: CgroupGroup,
  wanted: readonly LimitController[],
): LimitController[] {
  const enabled = (files.read(group, 'cgroup.subtree_control') ?? '').split(' ');
  return wanted.filter((controller) => !enabled.includes(controller));
}

/** Enables controllers for the children of one group of the unified hierarchy. */
function enable(files: CgroupFiles, group: CgroupGroup, missing: readonly LimitController[]): void {
  const value = missing.map((controller) => `+${controller}`).join(' ');
  try {
    files.write(group, 'cgroup.subtree_control', value);
  } catch (error) {
    const name = group.path === '' ? 'the root group' : group.path;
    const names = missing.join(', ');
    switch (errnoOf(error)) {
      case 'ENOENT':
        throw unsupportedLimit(`limits of ${names}`, `${name} does not hand the controllers down`);
      case 'EBUSY':
        throw new WarrenError(
          'conflict',
          'CGROUP_BUSY',
          `Cannot enable the controllers ${names} in ${name}: processes live in it`,
          {
            hint: 'Choose a cgroup parent that holds no processes (--cgroup-parent)',
            cause: error,
          },
        );
      default:
        throw error;
    }
  }
}

/** The path and all above it, from the root ('') down. */
function pathAndAbove(path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return ['', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

/**
 * What systemd does not hand down to the scope is missing: groups above it are systemd's, and nobody else writes there. It hands
 * down all that it knows; of the limits it does not know hugetlb.
 */
function refuseMissing(
  files: CgroupFiles,
  scope: string,
  missing: readonly LimitController[],
): never {
  const names = missing.join(', ');
  const value = missing.map((controller) => `+${controller}`).join(' ');
  const root = files.hierarchies[0]?.mountPoint ?? '';
  const slice = scope.split('/').slice(0, -1).join('/');
  throw unsupportedLimit(
    `limits of ${names}`,
    `systemd does not hand ${names} down to ${scope}`,
    `Enable it by hand: for group in ${root} ${root}/${slice}; do echo ${value} > $group/cgroup.subtree_control; done; ` +
      'or choose another parent with --cgroup-parent',
  );
}

/** Makes the group and enables the controllers in it and in all above, from the root down. */
function prepareUnified(
  files: CgroupFiles,
  path: string,
  wanted: readonly LimitController[],
): void {
  const parent = { hierarchy: 0, path };
  // What is enabled in a group is enabled in all above it.
  const known = files.read(parent, 'cgroup.subtree_control') !== null;
  if (known && missingControllers(files, parent, wanted).length === 0) return;
  files.make(parent);
  const scope = scopeAbove(path);
  for (const step of pathAndAbove(path)) {
    const group = { hierarchy: 0, path: step };
    const missing = missingControllers(files, group, wanted);
    if (missing.length === 0) continue;
    if (scope !== null && step.length < scope.length) refuseMissing(files, scope, missing);
    enable(files, group, missing);
  }
}

/**
 * On v1 a new cpuset is empty and takes no process until it has CPUs and memory nodes: gives each
 * group of the path those of the one above it.
 */
export function fillCpuset(files: CgroupFiles, hierarchy: number, path: string): void {
  const steps = pathAndAbove(path);
  for (const [index, step] of steps.entries()) {
    if (index === 0) continue;
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (files.read({ hierarchy, path: step }, file) !== '') continue;
      const inherited = files.read({ hierarchy, path: steps[index - 1] ?? '' }, file);
      if (inherited !== null) files.write({ hierarchy, path: step }, file, inherited);
    }
  }
}

export interface ParentRequest {
  readonly path: string;
  /** What the container needs a group of its own for. */
  readonly needed: ReadonlySet<LimitController>;
  /** v1 hierarchies in which it joins the parent's group. */
  readonly sharedHierarchies: readonly number[];
}

/**
 * Makes the group above a container in every hierarchy that the container uses, where it is missing,
 * with all that it takes for children: on v2 the controllers, on v1 a filled cpuset.
 */
export function prepareParent(
  files: CgroupFiles,
  controllers: ControllerMap,
  request: ParentRequest,
): void {
  const located = [...request.needed].map((controller) => ({
    controller,
    location: controllers.get(controller),
  }));
  const unified = located.filter(({ location }) => location?.version === 2);
  prepareUnified(
    files,
    request.path,
    unified.map(({ controller }) => controller),
  );
  const v1 = new Set(request.sharedHierarchies);
  for (const { location } of located) if (location?.version === 1) v1.add(location.hierarchy);
  const cpuset = controllers.get('cpuset');
  for (const hierarchy of v1) {
    const group = { hierarchy, path: request.path };
    if (files.read(group, 'cgroup.clone_children') !== null) continue;
    files.make(group);
    if (cpuset?.version === 1 && cpuset.hierarchy === hierarchy) {
      fillCpuset(files, hierarchy, request.path);
    }
  }
}

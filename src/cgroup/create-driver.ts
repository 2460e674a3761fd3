import { WarrenError } from '../base/errors.js';
import type { CgroupFiles } from '../host/port.js';
import { scopeUnitOf } from '../host/systemd-scope.js';
import type { DeviceRule } from '../model/resources.js';
import { readAccounts } from './reading/accounts.js';
import { cgroupVersion, locateControllers } from './controllers.js';
import { compileDeviceProgram } from './devices/program-v2.js';
import { deviceWritesV1 } from './devices/writes-v1.js';
import type { CgroupDriver, CgroupGroup, CgroupRequest, CgroupSetup } from './driver.js';
import { GroupSet } from './group-set.js';
import { canonicalResources } from './settings/canonical.js';
import { ownGroups } from './reading/own-groups.js';
import { foundGroups, place, sharedGroups } from './placement.js';
import { processesIn } from './processes.js';
import { removeEmpty, removeTree } from './remove.js';
import { readStats } from './reading/stats.js';
import { updateLimits } from './update-limits.js';

export interface CgroupDriverOptions {
  /** The parent in which the keepers keep themselves. @default 'warren' */
  readonly keeperParent?: string;
  /** `major:minor` of a block device given by path or by number; throws notFound. */
  readonly deviceNumber: (device: string) => string;
}

/** A legacy host may lack the unified hierarchy, without which nothing can be killed as a whole. */
function requireUnified(files: CgroupFiles): void {
  if (files.hierarchies[0]?.mountPoint) return;
  throw new WarrenError(
    'unsupported',
    'NO_UNIFIED_CGROUP',
    'Cannot use cgroups: no cgroup2 file system is mounted',
    { hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified' },
  );
}

function deviceFilter(
  groups: GroupSet,
  path: string,
  rules: readonly DeviceRule[],
): Pick<CgroupSetup, 'make' | 'writes' | 'join' | 'deviceProgram'> {
  const location = groups.controllers.get('devices');
  if (location?.version === 1) {
    const group = { hierarchy: location.hierarchy, path };
    return {
      make: [{ ...group, own: true }],
      writes: deviceWritesV1(rules).map((write) => ({ ...group, ...write })),
      join: [group],
      deviceProgram: null,
    };
  }
  const program = compileDeviceProgram(rules);
  const deviceProgram = { group: { hierarchy: 0, path }, program };
  return { make: [], writes: [], join: [], deviceProgram };
}

/**
 * What a container to which its group is handed may build below: more than any service manager needs, and little enough to be
 * removed at its end. The files themselves stay root's.
 */
const delegationBounds: readonly (readonly [file: string, value: string])[] = [
  ['cgroup.max.depth', '32'],
  ['cgroup.max.descendants', '4096'],
];

function delegationWrites({ path, owner }: CgroupRequest): CgroupSetup['writes'] {
  if (owner === null) return [];
  return delegationBounds.map(([file, value]) => ({ hierarchy: 0, path, file, value }));
}

function setup(groups: GroupSet, request: CgroupRequest): CgroupSetup {
  const { path, resources, devices, owner } = request;
  const settings = groups.prepare(path, canonicalResources(resources));
  const own = groups.ownGroups(path, settings);
  const filter =
    devices === null
      ? { make: [], writes: [], join: [], deviceProgram: null }
      : deviceFilter(groups, path, devices);
  const make = [...own.map((group) => ({ ...group, own: true })), ...filter.make];
  return {
    make,
    remove: groups.possibleGroups(path, make),
    writes: [...groups.writes(path, settings), ...filter.writes, ...delegationWrites(request)],
    join: [...groups.joins(path, own), ...filter.join],
    owner: owner === null ? null : { group: { hierarchy: 0, path }, ...owner },
    deviceProgram: filter.deviceProgram,
  };
}

/** A scope's own group goes with the scope, by itself, where systemd keeps track of it. */
function isSystemds(files: CgroupFiles, { hierarchy, path }: CgroupGroup, parent: string): boolean {
  const tracked = hierarchy === 0 || files.hierarchies[hierarchy]?.name === 'name=systemd';
  return tracked && path === parent && scopeUnitOf(parent) !== null;
}

/** The groups that exist decide: a live update may have given the container one. */
function joins(groups: GroupSet, path: string): readonly CgroupGroup[] {
  const existing = groups
    .possibleGroups(path, groups.deviceGroups(path))
    .filter((group) => groups.exists(group));
  return groups.joins(path, existing);
}

/**
 * The driver for this host: v2, v1, or both where a hybrid host has controllers in either. The parts
 * that differ are the settings, the groups that a container needs, and the names of what is read.
 */
export function createCgroupDriver(files: CgroupFiles, options: CgroupDriverOptions): CgroupDriver {
  const controllers = locateControllers(files.hierarchies);
  const groups = new GroupSet({ files, controllers, ...options });
  return {
    version: cgroupVersion(files.hierarchies),
    place: (parent, id, resources) => place(controllers, { parent, id, resources }),
    setup(request) {
      requireUnified(files);
      return setup(groups, request);
    },
    joins: (path) => joins(groups, path),
    update: (request, previous) => {
      updateLimits(groups, request, previous);
    },
    stats: ({ path }) => readStats(ownGroups(files, controllers, path)),
    limits: ({ path, resources }) =>
      readAccounts(
        ownGroups(files, controllers, path),
        (resources.hugepages ?? []).map(({ pageSize }) => pageSize),
      ),
    processes: (path) => processesIn(files, { hierarchy: 0, path }),
    found: (parent) => foundGroups(files, controllers, parent),
    remove(removed) {
      for (const group of removed) removeTree(files, group);
    },
    removeParent(parent) {
      groups.forgetParents();
      for (const group of sharedGroups(files, controllers, parent))
        if (!isSystemds(files, group, parent)) removeEmpty(files, group);
    },
  };
}

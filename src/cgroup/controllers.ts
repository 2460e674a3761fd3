import type { CgroupHierarchy } from '../host/port.js';

/** What can be limited, by the names of cgroup v2; `io` is `blkio` on v1. */
export const limitControllers = ['memory', 'cpu', 'cpuset', 'pids', 'io', 'hugetlb'] as const;

export type LimitController = (typeof limitControllers)[number];
export type Controller = LimitController | 'devices';

/** Where a controller is on this host. Hybrid hosts may have some in each kind of hierarchy. */
export interface ControllerLocation {
  readonly hierarchy: number;
  readonly version: 1 | 2;
}

export type ControllerMap = ReadonlyMap<Controller, ControllerLocation>;

const namesOnV1: Readonly<Record<string, Controller>> = {
  memory: 'memory',
  cpu: 'cpu',
  cpuset: 'cpuset',
  pids: 'pids',
  blkio: 'io',
  hugetlb: 'hugetlb',
  devices: 'devices',
};

/** Finds each controller. On v2 devices are filtered by a BPF program, which needs no controller. */
export function locateControllers(hierarchies: readonly CgroupHierarchy[]): ControllerMap {
  const map = new Map<Controller, ControllerLocation>();
  for (const hierarchy of hierarchies) {
    const location: ControllerLocation = {
      hierarchy: hierarchy.index,
      version: hierarchy.index === 0 ? 2 : 1,
    };
    for (const name of hierarchy.controllers) {
      const controller =
        location.version === 1 ? namesOnV1[name] : limitControllers.find((known) => known === name);
      if (controller !== undefined) map.set(controller, location);
    }
  }
  if (!map.has('devices') && hierarchies[0]?.mountPoint) {
    map.set('devices', { hierarchy: 0, version: 2 });
  }
  return map;
}

/** The kind of host that the hierarchies make. */
export function cgroupVersion(hierarchies: readonly CgroupHierarchy[]): 'v1' | 'hybrid' | 'v2' {
  if (!hierarchies[0]?.mountPoint) return 'v1';
  return hierarchies.some(({ index, controllers }) => index > 0 && controllers.length > 0)
    ? 'hybrid'
    : 'v2';
}

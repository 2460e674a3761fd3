import type { CgroupFiles } from '../../../src/host/port.js';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { cgroupVersion } from '../../../src/cgroup/controllers.js';
import { createCgroupFiles } from '../../../src/host/linux/cgroup-files.js';
import type { Requirement } from '../../privileges.js';

const files: CgroupFiles = createCgroupFiles();

const isPureV2: boolean = cgroupVersion(files.hierarchies) === 'v2';

export const pureV2: Requirement = { met: isPureV2, reason: 'requires a pure cgroup v2 host' };

export const v1Controllers: Requirement = {
  met: !isPureV2,
  reason: 'requires cgroup v1 controllers',
};

/** A file of the container's group in the unified hierarchy; null when it or the group is not there. */
export async function unifiedFile(
  container: ContainerHandle,
  file: string,
): Promise<string | null> {
  const { record } = await container.inspect();
  return files.read({ hierarchy: 0, path: record.cgroupPath }, file);
}

import { createCgroupDriver } from '../../../src/cgroup/create-driver.js';
import { cgroupVersion } from '../../../src/cgroup/controllers.js';
import { createCgroupFiles } from '../../../src/host/linux/cgroup-files.js';
import type { DriverUnderTest } from './suite.js';

export const hostVersion: 'v1' | 'hybrid' | 'v2' = cgroupVersion(createCgroupFiles().hierarchies);

export function driverForThisHost(keeperParent: string): DriverUnderTest {
  const files = createCgroupFiles();
  const deviceNumber = (device: string): string => device;
  return { files, driver: createCgroupDriver(files, { keeperParent, deviceNumber }) };
}

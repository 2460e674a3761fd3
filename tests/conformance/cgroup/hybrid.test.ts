import { describeWith } from '../../privileges.js';
import { driverForThisHost, hostVersion } from './driver-for-this-host.js';
import { describeCgroupDriver } from './suite.js';

const requirement = { met: hostVersion === 'hybrid', reason: 'requires cgroup v1 controllers' };

describeWith(requirement, 'the cgroup driver of a hybrid host', () => {
  describeCgroupDriver(driverForThisHost);
});

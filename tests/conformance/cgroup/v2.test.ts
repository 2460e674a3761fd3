import { describeWith } from '../../privileges.js';
import { driverForThisHost, hostVersion } from './driver-for-this-host.js';
import { describeCgroupDriver } from './suite.js';

const requirement = { met: hostVersion === 'v2', reason: 'requires a pure cgroup v2 host' };

describeWith(requirement, 'the cgroup driver of a v2 host', () => {
  describeCgroupDriver(driverForThisHost);
});

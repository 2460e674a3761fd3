import { ociVariants, prepareOciRuntime } from './oci-runtime.js';
import type { Peer } from './peer.js';

/** crun 1.8 refuses hybrid cgroups: it gets a mount namespace without the v2 mount. */
const withoutUnified = 'if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi';

export const crun: Peer = {
  name: 'crun',
  title: 'crun',
  variants: ociVariants,
  prepare: async (task) =>
    await prepareOciRuntime(
      { program: 'crun', flags: ['--cgroup-manager=cgroupfs'], before: withoutUnified },
      task,
    ),
};

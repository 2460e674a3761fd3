import type { Peer } from './peer.js';
import { ociVariants, prepareOciRuntime } from './tools/oci-runtime.js';

export const crun: Peer = {
  name: 'crun',
  title: 'crun',
  variants: ociVariants,
  prepare: async (task) =>
    await prepareOciRuntime(
      // crun 1.8 refuses hybrid cgroups.
      { program: 'crun', flags: ['--cgroup-manager=cgroupfs'], withoutUnified: true },
      task,
    ),
};

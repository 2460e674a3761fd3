import { ociVariants, prepareOciRuntime } from './oci-runtime.js';
import type { Peer } from './peer.js';

export const runc: Peer = {
  name: 'runc',
  title: 'runc',
  variants: ociVariants,
  prepare: async (task) =>
    await prepareOciRuntime({ program: 'runc', flags: [], before: '' }, task),
};

import type { Peer } from './peer.js';
import { ociVariants, prepareOciRuntime } from './tools/oci-runtime.js';

export const runc: Peer = {
  name: 'runc',
  title: 'runc',
  variants: ociVariants,
  prepare: async (task) =>
    await prepareOciRuntime({ program: 'runc', flags: [], withoutUnified: false }, task),
};

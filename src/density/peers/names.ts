/** Systems that can be measured beside Warren, in the order in which they are listed. */
export const peerNames = [
  'raw',
  'crun',
  'runc',
  'bwrap',
  'lxc',
  'nspawn',
  'podman',
  'docker',
  'qemu',
] as const;

import { bwrap } from './bwrap.js';
import { crun } from './crun.js';
import { docker } from './docker.js';
import { lxc } from './lxc.js';
import { nspawn } from './nspawn.js';
import type { Peer } from './peer.js';
import { podman } from './podman.js';
import { qemu } from './qemu.js';
import { runc } from './runc.js';
import { warren } from './warren.js';

/** Every system that is measured through the peers' interface. */
export const peers: readonly Peer[] = [
  warren,
  crun,
  runc,
  bwrap,
  lxc,
  nspawn,
  podman,
  docker,
  qemu,
];

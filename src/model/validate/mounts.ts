import { isAbsolute } from 'node:path';
import type { Mount } from '../container-config.js';
import { type Check, refuse, requireInteger, requireText } from './check.js';
import { requireVolumeName } from './names.js';

const propagations = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];

const targetsAreAbsolute: Check = ({ mounts }) => {
  for (const { target } of mounts) {
    requireText('mounts.target', target);
    if (!isAbsolute(target)) refuse('mounts.target', `"${target}" is not an absolute path`);
    if (target === '/') refuse('mounts.target', 'nothing can be mounted over "/"');
  }
};

const targetsAreUnique: Check = ({ mounts }) => {
  const seen = new Set<string>();
  for (const { target } of mounts) {
    if (seen.has(target)) refuse('mounts', `duplicate mount point: ${target}`);
    seen.add(target);
  }
};

function checkSource(mount: Mount): void {
  if (mount.type === 'bind') {
    requireText('mounts.source', mount.source);
    if (!isAbsolute(mount.source)) {
      refuse('mounts.source', `"${mount.source}" of a bind is not an absolute path`);
    }
    if (mount.propagation !== undefined && !propagations.includes(mount.propagation)) {
      refuse(
        'mounts.propagation',
        `"${mount.propagation}" is not one of ${propagations.join(', ')}`,
      );
    }
  }
  if (mount.type === 'volume' && mount.source !== '') requireVolumeName(mount.source);
}

const sourcesAreWellFormed: Check = ({ mounts }) => {
  for (const mount of mounts) checkSource(mount);
};

const tmpfsIsBounded: Check = ({ mounts }) => {
  for (const mount of mounts) {
    if (mount.type !== 'tmpfs') continue;
    requireInteger('mounts.sizeBytes', mount.sizeBytes, { minimum: 4096 });
    requireInteger('mounts.mode', mount.mode, { minimum: 0, maximum: 0o7777 });
    for (const id of ['uid', 'gid'] as const)
      requireInteger(`mounts.${id}`, mount[id], { minimum: 0, maximum: 2 ** 32 - 2 });
  }
};

const sizesAreWhole: Check = ({ shmSizeBytes, volatileSizeBytes }) => {
  requireInteger('shmSizeBytes', shmSizeBytes, { minimum: 4096, or: 0 });
  requireInteger('volatileSizeBytes', volatileSizeBytes, { minimum: 65_536, or: 0 });
};

const devicesAreWellFormed: Check = ({ devices, deviceRules }) => {
  for (const { hostPath, containerPath, permissions } of devices) {
    for (const path of [hostPath, containerPath]) {
      if (!isAbsolute(path)) refuse('devices', `"${path}" is not an absolute path`);
    }
    if (!containerPath.startsWith('/dev/'))
      refuse('devices', `"${containerPath}" is not below /dev`);
    if (!/^[rwm]{1,3}$/.test(permissions)) refuse('devices', `"${permissions}" is not of r, w, m`);
  }
  for (const { permissions } of deviceRules) {
    if (!/^[rwm]{1,3}$/.test(permissions))
      refuse('deviceRules', `"${permissions}" is not of r, w, m`);
  }
};

export const mountChecks: readonly Check[] = [
  targetsAreAbsolute,
  targetsAreUnique,
  sourcesAreWellFormed,
  tmpfsIsBounded,
  sizesAreWhole,
  devicesAreWellFormed,
];

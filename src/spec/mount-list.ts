/** The mounts of a container, in the order in which they are attached. */
import { WarrenError } from '../base/errors.js';
import type { BindMount, Mount, TmpfsMount } from '../model/container-config.js';
import type { LaunchInput } from './contract.js';
import type { NamespaceModes } from './namespaces.js';
import type { OciMount } from './oci.js';

/** Sources that tell the plan compiler to bind the tree which all containers share. */
export const sharedDevices = 'warren-dev';
export const sharedSysfs = 'warren-sys';
/** The /dev/shm of the container whose IPC namespace is joined. */
export const joinedShm = 'warren-joined-shm';

const procMount: OciMount = {
  destination: '/proc',
  type: 'proc',
  source: 'proc',
  options: ['nosuid', 'noexec', 'nodev'],
};
const devMount: OciMount = {
  destination: '/dev',
  type: 'tmpfs',
  source: sharedDevices,
  options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
};
const ptsMount: OciMount = {
  destination: '/dev/pts',
  type: 'devpts',
  source: 'devpts',
  options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
};
const mqueueMount: OciMount = {
  destination: '/dev/mqueue',
  type: 'mqueue',
  source: 'mqueue',
  options: ['nosuid', 'noexec', 'nodev'],
};
const sysOptions: readonly string[] = ['nosuid', 'noexec', 'nodev'];

/** Default mounts that the user did not replace, the engine's files, then the user's own, parents before children. */
export function mountList(input: LaunchInput, modes: NamespaceModes): OciMount[] {
  const user = userMounts(input);
  const replaced = new Set(user.map((mount) => mount.destination));
  const defaults = defaultMounts(input, modes).filter(
    ({ destination }) =>
      !replaced.has(destination) && !(replaced.has('/dev') && destination.startsWith('/dev/')),
  );
  const files = input.etcFiles
    .filter(({ target }) => !replaced.has(target))
    .map(({ source, target }) => storeBind(input, source, { target, options: ['rw', 'idmap'] }));
  checkTargets(input, user);
  return [...defaults, ...byDepth([...files, ...user])];
}

function defaultMounts(input: LaunchInput, modes: NamespaceModes): OciMount[] {
  const { spec } = input.record;
  return [
    procMount,
    devMount,
    ...(spec.pty ? [ptsMount] : []),
    sysMount(input),
    ...cgroupMounts(input),
    ...ipcMounts(input, modes),
  ];
}

function sysMount({ record: { spec } }: LaunchInput): OciMount {
  const hostRoot = spec.privileged && spec.userns === 'host';
  const own = spec.sysfs === 'own' || hostRoot;
  const options = hostRoot ? sysOptions : [...sysOptions, 'ro'];
  return { destination: '/sys', type: 'sysfs', source: own ? 'sysfs' : sharedSysfs, options };
}

/** The unified hierarchy as the container's cgroup namespace shows it; all containers share its superblock. */
function cgroupMounts(input: LaunchInput): OciMount[] {
  if (input.facts.cgroupVersion === 'v1') return [];
  const { privileged, systemd } = input.record.spec;
  const writable = privileged || systemd;
  const options = [...sysOptions, 'relatime', writable ? 'rw' : 'ro'];
  return [{ destination: '/sys/fs/cgroup', type: 'cgroup2', source: 'cgroup', options }];
}

function ipcMounts({ record: { spec } }: LaunchInput, modes: NamespaceModes): OciMount[] {
  if (modes.ipc === 'host') {
    const hostBind = (destination: string): OciMount => ({
      destination,
      type: 'bind',
      source: destination,
      options: ['rbind', 'nosuid', 'noexec', 'nodev', 'nofail'],
    });
    return [hostBind('/dev/mqueue'), hostBind('/dev/shm')];
  }
  const shmOptions = ['nosuid', 'noexec', 'nodev'];
  if (typeof modes.ipc === 'object') {
    const options = ['bind', ...shmOptions, 'nofail'];
    return [mqueueMount, { destination: '/dev/shm', type: 'bind', source: joinedShm, options }];
  }
  if (spec.ipc === 'none' || spec.shmSizeBytes === 0) return [mqueueMount];
  const options = [...shmOptions, 'mode=1777', `size=${spec.shmSizeBytes}`];
  return [mqueueMount, { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options }];
}

function userMounts(input: LaunchInput): OciMount[] {
  return input.record.spec.mounts.map((mount) => userMount(input, mount));
}

function userMount(input: LaunchInput, mount: Mount): OciMount {
  switch (mount.type) {
    case 'bind':
      return bindMount(mount);
    case 'tmpfs':
      return tmpfsMount(input, mount);
    case 'volume':
      return storeBind(input, volumeSource(input, mount.target), {
        target: mount.target,
        options: [mount.readOnly === true ? 'ro' : 'rw', 'idmap'],
      });
  }
}

function bindMount(mount: BindMount): OciMount {
  const options = [
    mount.recursive === false ? 'bind' : 'rbind',
    mount.readOnly === true ? 'ro' : 'rw',
    mount.propagation ?? 'rprivate',
    ...(mount.idmap === true ? ['idmap'] : []),
  ];
  return { destination: mount.target, type: 'bind', source: mount.source, options };
}

const defaultTmpfsBytes = 64 * 1024 * 1024;

function tmpfsMount({ record }: LaunchInput, mount: TmpfsMount): OciMount {
  const memory = record.spec.resources.memoryBytes ?? 0;
  const size = mount.sizeBytes ?? (memory > 0 ? Math.ceil(memory / 2) : defaultTmpfsBytes);
  const options = [
    'nosuid',
    'nodev',
    ...(mount.noexec === false ? [] : ['noexec']),
    ...(mount.readOnly === true ? ['ro'] : []),
    `mode=${(mount.mode ?? 0o1777).toString(8)}`,
    `size=${size}`,
    ...(mount.uid === undefined ? [] : [`uid=${mount.uid}`]),
    ...(mount.gid === undefined ? [] : [`gid=${mount.gid}`]),
  ];
  return { destination: mount.target, type: 'tmpfs', source: 'tmpfs', options };
}

function storeBind(
  input: LaunchInput,
  source: string,
  bind: { readonly target: string; readonly options: readonly string[] },
): OciMount {
  return {
    destination: bind.target,
    type: 'bind',
    source: `${input.dataRoot}/${source}`,
    options: ['rbind', 'rprivate', ...bind.options],
  };
}

/** Store-relative directory of the volume at a target. */
export function volumeSource({ record }: LaunchInput, target: string): string {
  const volume = record.volumes.find((candidate) => candidate.target === target);
  if (volume === undefined) throw new Error(`Container ${record.id} has no volume for ${target}`);
  return `volumes/${volume.name}/_data`;
}

function byDepth(mounts: readonly OciMount[]): OciMount[] {
  return mounts
    .map((mount) => ({ mount, depth: mount.destination.split('/').length }))
    .sort((a, b) => a.depth - b.depth)
    .map(({ mount }) => mount);
}

function checkTargets({ record }: LaunchInput, mounts: readonly OciMount[]): void {
  for (const { destination } of mounts) {
    if (destination === '/proc' || destination.startsWith('/proc/')) {
      throw new WarrenError(
        'invalidArgument',
        'MOUNT_TARGET',
        `Cannot start container ${record.name}: mount ${destination}: nothing can be mounted over /proc`,
        { details: { target: destination } },
      );
    }
  }
}

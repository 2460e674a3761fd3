import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerTask } from '../peer.js';
import { idBase, idCount } from './id-range.js';
import { programName } from './processes.js';

const capabilities = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

const safe = ['nosuid', 'noexec', 'nodev'];

/** Writes the bundle of one container for an OCI runtime; its directory. */
export function writeBundle(task: PeerTask, index: number): string {
  const bundle = join(task.directory, 'bundles', `${index}`);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(configOf(task, index)));
  return bundle;
}

function configOf(task: PeerTask, index: number): unknown {
  const equal = task.variant === 'equal';
  const types = ['pid', 'ipc', 'uts', 'mount', 'network', ...(equal ? ['user', 'cgroup'] : [])];
  const map = [{ containerID: 0, hostID: idBase(index), size: idCount }];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: [`/bin/${programName}`],
      env: ['PATH=/bin'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: !equal,
    },
    root: { path: task.rootfs, readonly: true },
    hostname: `c${index}`,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'mode=755', 'size=65536k'],
      },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: [...safe, 'mode=1777', 'size=65536k'],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: safe },
    ],
    linux: {
      namespaces: types.map((type) => ({ type })),
      cgroupsPath: `/${task.cgroup}/${index}`,
      maskedPaths: ['/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys'],
      ...(equal ? { uidMappings: map, gidMappings: map, resources: resourcesOf(task) } : {}),
    },
  };
}

function resourcesOf({ memoryBytes, pidsLimit, cpus }: PeerTask): unknown {
  return {
    memory: { limit: memoryBytes },
    pids: { limit: pidsLimit },
    cpu: { quota: Math.round(cpus * 100_000), period: 100_000 },
  };
}

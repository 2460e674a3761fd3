import { readdirSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { errnoOf } from '../../base/errors.js';
import { bytesPerSuperblock } from '../figures/memory-cost.js';
import { headroomOf } from './headroom.js';

/** What one more container takes, as far as a limit of the host counts it. */
export interface Demand {
  readonly superblocks: number;
  readonly memoryCgroup: boolean;
  readonly networkNamespace: boolean;
  /** Bytes that every container takes, without what memory cgroups times superblocks take. */
  readonly linearBytes: number;
  readonly processes: number;
  readonly tty: boolean;
  /** Containers that exist already: they count in the quadratic part. */
  readonly existing: number;
}

/** One limit of the host and how many more containers it lets in. */
export interface Wall {
  readonly name: string;
  readonly fits: number;
  /** How the number came about: `32,768 less 214 in use`. */
  readonly detail: string;
  /** The sysctl that moves it; null: nothing does at run time. */
  readonly sysctl: string | null;
  /** Value of the sysctl now. */
  readonly value: number | null;
  /** False: only containers that use a feature (terminals, published ports) meet it. */
  readonly always: boolean;
  /** Units of the limit for a container. */
  readonly perContainer: number;
}

export interface WallContext {
  readonly demand: Demand;
  /** Never used: the host's own need. */
  readonly reserveBytes: number;
  readonly dataRoot: string;
  readonly idRanges: number;
}

interface SysctlWall {
  readonly name: string;
  readonly sysctl: string;
  readonly used: () => number;
  readonly perContainer: number;
  readonly always: boolean;
}

/** The ids of memory cgroups are 16 bits wide (MEM_CGROUP_ID_MAX); removed ones count until they are reclaimed. */
const memoryCgroupIds = 65_535;
const inodesPerContainer = 12;

export function numberIn(path: string): number | null {
  const text = readIfThere(path);
  return text === null ? null : Number(text.trim().split(/\s+/)[0]);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ESRCH'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

export function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** All limits that a population meets, the nearest first. */
export function wallsOf(context: WallContext): readonly Wall[] {
  const { demand } = context;
  const found = [
    memoryWall(context),
    ...sysctlWalls(demand),
    ...cgroupWalls(demand),
    ...namespaceWalls(demand),
    ...portWalls(),
    ...diskWalls(context.dataRoot),
    idWall(context),
  ];
  return found.filter((wall) => wall !== null).sort((a, b) => a.fits - b.fits);
}

/** n with `linear · n + 16 · S · ((e + n)² − e²) = free`. */
function memoryWall({ demand, reserveBytes }: WallContext): Wall {
  const { superblocks } = demand;
  const square = demand.memoryCgroup ? bytesPerSuperblock * superblocks : 0;
  const linear = demand.linearBytes + 2 * square * demand.existing;
  const fitsIn = (bytes: number): number => {
    const room = Math.max(0, bytes - reserveBytes);
    if (square === 0) return Math.floor(room / linear);
    return Math.floor((-linear + Math.sqrt(linear * linear + 4 * square * room)) / (2 * square));
  };
  // How much counts depends on how many there will be.
  const most = fitsIn(headroomOf({ containers: 0, superblocks }).bytes);
  const pairing = demand.memoryCgroup ? superblocks : 0;
  const left = headroomOf({ containers: demand.existing + most, superblocks: pairing });
  return {
    name: 'memory',
    fits: fitsIn(left.bytes),
    detail: `${inMebibytes(left.bytes)} MiB ${left.counted} less ${inMebibytes(reserveBytes)} MiB reserve, ${Math.round(demand.linearBytes / 1024)} KiB each and ${square} bytes for each pair`,
    sysctl: null,
    value: null,
    always: true,
    perContainer: demand.linearBytes,
  };
}

function inMebibytes(bytes: number): string {
  return Math.round(bytes / 2 ** 20).toLocaleString('en-US');
}

function sysctlWalls(demand: Demand): (Wall | null)[] {
  const tasks = (): number => Number(/\/(\d+)/.exec(readIfThere('/proc/loadavg') ?? '')?.[1] ?? 0);
  const nothing = (): number => 0;
  const openFiles = (): number => numberIn('/proc/sys/fs/file-nr') ?? 0;
  const terminals = (): number => numberIn('/proc/sys/kernel/pty/nr') ?? 0;
  const walls: readonly SysctlWall[] = [
    {
      name: 'process ids',
      sysctl: 'kernel.pid_max',
      used: tasks,
      perContainer: demand.processes,
      always: true,
    },
    {
      name: 'threads',
      sysctl: 'kernel.threads-max',
      used: tasks,
      perContainer: demand.processes,
      always: true,
    },
    { name: 'open files', sysctl: 'fs.file-max', used: openFiles, perContainer: 4, always: true },
    {
      name: 'terminals',
      sysctl: 'kernel.pty.max',
      used: terminals,
      perContainer: 1,
      always: demand.tty,
    },
    {
      // Of one mount namespace: Warren mounts nothing in the host's for a container, others do.
      name: 'mounts',
      sysctl: 'fs.mount-max',
      used: mountsHere,
      perContainer: 1,
      always: false,
    },
    {
      name: 'inotify instances',
      sysctl: 'fs.inotify.max_user_instances',
      used: nothing,
      perContainer: 1,
      always: false,
    },
    {
      name: 'neighbours',
      sysctl: 'net.ipv4.neigh.default.gc_thresh3',
      used: neighbours,
      perContainer: 1,
      always: false,
    },
    {
      name: 'tracked connections',
      sysctl: 'net.netfilter.nf_conntrack_max',
      used: nothing,
      perContainer: 4,
      always: false,
    },
    {
      name: 'session keys',
      sysctl: 'kernel.keys.root_maxkeys',
      used: nothing,
      perContainer: 1,
      always: false,
    },
  ];
  return walls.map(sysctlWall);
}

function mountsHere(): number {
  return (readIfThere('/proc/self/mountinfo') ?? '').trimEnd().split('\n').length;
}

/** BR_PORT_BITS of the kernel: port 0 is none. */
const portsOfABridge = 1023;

/** Ports of a bridge, which only networks of that driver have, and ports of the host that a container may be given. */
function portWalls(): (Wall | null)[] {
  const fixed = { sysctl: null, value: null, always: false, perContainer: 1 };
  const [first = 0, last = -1] = (readIfThere('/proc/sys/net/ipv4/ip_local_port_range') ?? '')
    .trim()
    .split(/\s+/)
    .map(Number);
  return [
    {
      name: 'ports of a bridge',
      fits: portsOfABridge,
      detail: `${portsOfABridge.toLocaleString('en-US')} on one network of the driver bridge; routed ones have no such limit`,
      ...fixed,
    },
    last < first
      ? null
      : {
          name: 'published ports',
          fits: last - first + 1,
          detail: `net.ipv4.ip_local_port_range = ${first} to ${last}, of each protocol, for ports that nobody chose`,
          ...fixed,
        },
  ];
}

function neighbours(): number {
  return Math.max(0, (readIfThere('/proc/net/arp') ?? '').trim().split('\n').length - 1);
}

function sysctlWall({ name, sysctl, used, perContainer, always }: SysctlWall): Wall | null {
  const value = numberIn(sysctlPath(sysctl));
  if (value === null) return null;
  const taken = used();
  return {
    name,
    fits: Math.max(0, Math.floor((value - taken) / perContainer)),
    detail: `${sysctl} = ${value.toLocaleString('en-US')} less ${taken.toLocaleString('en-US')} in use`,
    sysctl,
    value,
    always,
    perContainer,
  };
}

function cgroupWalls({ memoryCgroup }: Demand): (Wall | null)[] {
  if (!memoryCgroup) return [];
  const line = /^memory\s+\d+\s+(\d+)/m.exec(readIfThere('/proc/cgroups') ?? '');
  const used = Number(line?.[1] ?? 0);
  return [
    {
      name: 'memory cgroup ids',
      fits: memoryCgroupIds - used,
      detail: `65,535 less ${used.toLocaleString('en-US')} in use`,
      sysctl: null,
      value: null,
      always: true,
      perContainer: 1,
    },
  ];
}

const namespaceKinds = ['user', 'pid', 'mnt', 'uts', 'ipc', 'cgroup', 'net'] as const;

/** user.max_*_namespaces count those of one user; not every process needs one of its own, so distinct ones are counted. */
function namespaceWalls({ networkNamespace }: Demand): Wall[] {
  return namespaceKinds
    .filter((kind) => kind !== 'net' || networkNamespace)
    .flatMap((kind): Wall[] => {
      const sysctl = `user.max_${kind}_namespaces`;
      const value = numberIn(sysctlPath(sysctl));
      if (value === null) return [];
      const used = distinctNamespaces(kind);
      const fits = Math.max(0, value - used);
      const detail = `${sysctl} = ${value.toLocaleString('en-US')} less ${used.toLocaleString('en-US')} seen`;
      return [
        { name: `${kind} namespaces`, fits, detail, sysctl, value, always: true, perContainer: 1 },
      ];
    });
}

function distinctNamespaces(kind: string): number {
  const seen = new Set<string>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      seen.add(readlinkSync(`/proc/${name}/ns/${kind}`));
    } catch (error) {
      // Gone since, or guarded: it is one more at most.
      if (!['ENOENT', 'ESRCH', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
  return seen.size;
}

function diskWalls(dataRoot: string): Wall[] {
  const { files, ffree } = statfsSync(dataRoot);
  // Some file systems make inodes as they go and tell none.
  if (files === 0) return [];
  return [
    {
      name: 'inodes',
      fits: Math.floor(ffree / inodesPerContainer),
      detail: `${ffree.toLocaleString('en-US')} free below ${dataRoot}, ${inodesPerContainer} each`,
      sysctl: null,
      value: null,
      always: true,
      perContainer: inodesPerContainer,
    },
  ];
}

function idWall({ idRanges }: WallContext): Wall {
  return {
    name: 'user id ranges',
    fits: idRanges,
    detail: `${idRanges.toLocaleString('en-US')} ranges of 65,536 in the pool (WARREN_ID_POOL)`,
    sysctl: null,
    value: null,
    always: true,
    perContainer: 1,
  };
}

import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { errnoOf, isWarrenError } from '../../base/errors.js';
import { formatSize } from '../../base/units.js';
import type { EngineContext } from '../context.js';
import type { DoctorCheck } from '../contract.js';
import { hostRanges } from '../state/id-pool.js';
import { networkChecks } from './doctor-network.js';

type Check = (context: EngineContext) => DoctorCheck | Promise<DoctorCheck>;

const minimumKernel = 519;
const overlayByFdKernel = 615;
const comfortableFreeBytes = 2 ** 30;
const comfortableFiles = 20_000;
const comfortableInotify = 1024;

function verdict(
  name: string,
  ok: boolean,
  rest: { readonly found: string; readonly hint: string; readonly bad?: DoctorCheck['status'] },
): DoctorCheck {
  const status = ok ? 'ok' : (rest.bad ?? 'missing');
  return { name, status, found: rest.found, hint: ok ? '' : rest.hint };
}

function sysctl(path: string): number | null {
  try {
    return Number(readFileSync(`/proc/sys/${path}`, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

const checks: readonly Check[] = [
  ({ facts }) =>
    verdict('kernel', facts.version >= minimumKernel, {
      found: facts.release,
      hint: 'Id-mapped layers need Linux 5.19 or newer',
    }),
  ({ facts }) =>
    verdict('overlay layers by descriptor', facts.version >= overlayByFdKernel, {
      found: facts.version >= overlayByFdKernel ? 'yes' : 'no: layers are attached for a moment',
      hint: 'Linux 6.15 makes launches a little faster',
      bad: 'warning',
    }),
  ({ facts }) =>
    verdict('user namespaces', facts.userNamespaces, {
      found: facts.userNamespaces ? 'yes' : 'no',
      hint: 'Set user.max_user_namespaces above 0, or run with --userns host',
    }),
  ({ facts }) =>
    verdict('overlay file system', facts.filesystems.includes('overlay'), {
      found: facts.filesystems.includes('overlay') ? 'yes' : 'no',
      hint: 'modprobe overlay',
    }),
  ({ facts }) =>
    verdict('seccomp filters', facts.seccompActions.includes('errno'), {
      found: facts.seccompActions.join(' '),
      hint: 'Build the kernel with CONFIG_SECCOMP_FILTER',
    }),
  ({ facts }) =>
    verdict('security modules', facts.lsms.length > 1, {
      found: facts.lsms.join(' '),
      hint: 'None besides capabilities: containers rely on namespaces and seccomp',
      bad: 'warning',
    }),
  ({ host, cgroups }) => {
    const unified = host.cgroups.hierarchies[0];
    return verdict('unified cgroups', unified !== undefined && unified.mountPoint !== '', {
      found: `${cgroups.version}, ${host.cgroups.hierarchies.length} hierarchies`,
      hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified',
    });
  },
  ...['memory', 'pids', 'cpu', 'cpuset', 'devices', 'hugetlb'].map(controllerCheck),
  blkioCheck,
  ({ facts }) => {
    const files = facts.rlimits['nofile']?.hard ?? 0;
    return verdict('open files', files >= comfortableFiles, {
      found: `${files} (hard limit)`,
      hint: 'A keeper holds one or two descriptors for each container; more keepers are started',
      bad: 'warning',
    });
  },
  ({ facts }) =>
    verdict('process ids', facts.pidMax > 65_536, {
      found: String(facts.pidMax),
      hint: 'sysctl kernel.pid_max=4194304',
      bad: 'warning',
    }),
  () => limitCheck('fs/inotify/max_user_instances', comfortableInotify),
  () => limitCheck('kernel/pty/max', 4096),
  () => limitCheck('kernel/keys/maxkeys', 200),
  ({ facts }) =>
    verdict('swap', facts.swapBytes > 0, {
      found: formatSize(facts.swapBytes),
      hint: 'Without swap the memory of idle containers stays in RAM',
      bad: 'warning',
    }),
  freeSpace,
  idPoolCheck,
  keeperCheck,
];

/** v1 calls it blkio, v2 io. */
function blkioCheck({ host }: EngineContext): DoctorCheck {
  const there = host.cgroups.hierarchies.some(({ controllers }) =>
    controllers.some((name) => name === 'io' || name === 'blkio'),
  );
  return verdict('cgroup controller io', there, {
    found: there ? 'yes' : 'no',
    hint: 'Limits of block devices are refused without it',
    bad: 'warning',
  });
}

function controllerCheck(controller: string): Check {
  return ({ host, cgroups }) => {
    const there = host.cgroups.hierarchies.some(({ controllers }) =>
      controllers.includes(controller),
    );
    // On v2 a BPF program takes the place of the devices controller.
    const replaced = controller === 'devices' && cgroups.version === 'v2';
    return verdict(`cgroup controller ${controller}`, there || replaced, {
      found: there ? 'yes' : replaced ? 'BPF' : 'no',
      hint: `Limits of this kind are refused; boot without cgroup_disable=${controller}`,
      bad: 'warning',
    });
  };
}

function limitCheck(name: string, comfortable: number): DoctorCheck {
  const value = sysctl(name);
  const dotted = name.replaceAll('/', '.');
  return verdict(dotted, value === null || value >= comfortable, {
    found: value === null ? 'unknown' : String(value),
    hint: `sysctl ${dotted}=${comfortable}`,
    bad: 'warning',
  });
}

function freeSpace({ settings }: EngineContext): DoctorCheck {
  const { bavail, bsize } = statfsSync(settings.dataRoot);
  const free = bavail * bsize;
  return verdict('free space', free >= comfortableFreeBytes, {
    found: `${formatSize(free)} in ${settings.dataRoot}`,
    hint: 'Remove containers and images, or choose another data root',
    bad: 'warning',
  });
}

function idPoolCheck({ settings }: EngineContext): DoctorCheck {
  const { base, count } = settings.idPool;
  const taken = hostRanges().filter(
    (range) => range.base < base + count && base < range.base + range.count,
  );
  return verdict('id pool', taken.length === 0, {
    found: `${base} to ${base + count - 1}`,
    hint: `${taken.length} ranges of /etc/subuid or /etc/passwd lie in it; containers keep clear of them`,
    bad: 'warning',
  });
}

async function keeperCheck(context: EngineContext): Promise<DoctorCheck> {
  try {
    const keeper = await context.keepers.master();
    const status = await keeper.control.status();
    return verdict('keeper', true, {
      found: `version ${keeper.version}, pid ${keeper.pid}, ${status.containers} containers, ${status.fdUsed} of ${status.fdLimit} descriptors`,
      hint: '',
    });
  } catch (error) {
    if (!isWarrenError(error)) throw error;
    return verdict('keeper', false, { found: error.message, hint: error.hint ?? '' });
  }
}

/** Programs that something optional uses. */
const programs: readonly { readonly name: string; readonly hint: string }[] = [
  { name: 'nft', hint: 'Networks need it: apt-get install nftables' },
  { name: 'mmdebstrap', hint: 'The image debian is built with it: apt-get install mmdebstrap' },
  { name: 'dpkg-deb', hint: 'The image busybox is unpacked with it: apt-get install dpkg' },
];

function programCheck({ name, hint }: (typeof programs)[number]): DoctorCheck {
  const directories = (process.env['PATH'] ?? '')
    .split(':')
    .filter((directory) => directory !== '');
  const found = directories.map((directory) => `${directory}/${name}`).find(isExecutable);
  return verdict(name, found !== undefined, { found: found ?? 'no', hint, bad: 'warning' });
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return false;
    throw error;
  }
}

/** What this machine offers, what it lacks and how to get it. */
export async function doctor(context: EngineContext): Promise<readonly DoctorCheck[]> {
  const results: DoctorCheck[] = [];
  for (const check of checks) results.push(await check(context));
  return [...results, ...(await networkChecks(context)), ...programs.map(programCheck)];
}

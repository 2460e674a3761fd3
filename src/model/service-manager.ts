import { basename } from 'node:path';
import type { ContainerConfig, ContainerSpec, Mount } from './container-config.js';
import { refuse } from './validate/check.js';

const mebibyte = 2 ** 20;

/** systemd(1), "signals": SIGRTMIN+3 halts the system; SIGTERM only makes it execute itself anew. */
export const serviceManagerStopSignal = 'SIGRTMIN+3';

const initPaths: ReadonlySet<string> = new Set([
  '/sbin/init',
  '/usr/sbin/init',
  '/usr/local/sbin/init',
  '/bin/init',
]);

/** True for the programs that are taken for systemd, as podman takes them: an init of the system, or any file of that name. */
export function isServiceManager(program: string | undefined): boolean {
  return program !== undefined && (initPaths.has(program) || basename(program) === 'systemd');
}

type Wanted = Pick<
  ContainerSpec,
  'entrypoint' | 'command' | 'init' | 'pid' | 'userns' | 'cgroupns' | 'privileged'
>;

/**
 * Why this container cannot hand its cgroup to systemd; undefined: it can. With the host's user namespace its root is the
 * host's, whose the limits are: only who is privileged anyway may have the files that set them.
 */
function obstacle(spec: Wanted): string | undefined {
  if (spec.init) return 'conflicts with init: warren-init would be PID 1';
  if (spec.pid !== 'private') return 'needs a PID namespace of its own';
  if (spec.cgroupns !== 'private') return 'needs a cgroup namespace of its own';
  if (spec.userns === 'host' && !spec.privileged) {
    return 'needs a user namespace of its own: with the host’s, the container could raise its limits';
  }
  return undefined;
}

/**
 * Whether the container is prepared for systemd.
 * @throws WarrenError invalidArgument when that was asked for with `'always'` and something else forbids it
 */
export function wantsServiceManager(config: ContainerConfig, spec: Wanted): boolean {
  const wanted = config.systemd ?? true;
  if (wanted === false) return false;
  if (wanted !== true && (wanted as string) !== 'always') {
    refuse('systemd', `"${String(wanted)}" is not one of true, false, always`);
  }
  const reason = obstacle(spec);
  if (wanted === 'always' && reason !== undefined) refuse('systemd', reason);
  if (reason !== undefined) return false;
  return wanted === 'always' || isServiceManager([...spec.entrypoint, ...spec.command][0]);
}

/** file-hierarchy(7): what systemd expects to be empty at boot, unless something else is mounted there. */
export function serviceManagerMounts(mounts: readonly Mount[]): readonly Mount[] {
  const tmpfs = { type: 'tmpfs', readOnly: false } as const;
  const wanted: readonly Mount[] = [
    { ...tmpfs, target: '/run', mode: 0o755, sizeBytes: 64 * mebibyte, noexec: false },
    { ...tmpfs, target: '/run/lock', mode: 0o1777, sizeBytes: 5 * mebibyte, noexec: true },
    { ...tmpfs, target: '/tmp', mode: 0o1777, sizeBytes: 64 * mebibyte, noexec: false },
  ];
  return wanted.filter(({ target }) => !mounts.some((mount) => mount.target === target));
}

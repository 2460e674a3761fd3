/** What CAP_SYS_ADMIN in an own user namespace rules out. */
import { WarrenError } from '../base/errors.js';
import type { OciMount, OciSpec } from './oci.js';

/**
 * True when the container could remount what it attached itself: its mounts are then attached under the host's ownership, which
 * locks their flags.
 */
export function needsLockedMounts(spec: Pick<OciSpec, 'linux' | 'process'>): boolean {
  const ownUser = spec.linux.namespaces.some(({ type }) => type === 'user');
  return ownUser && spec.process.capabilities.bounding.includes('CAP_SYS_ADMIN');
}

const lockedOptions: readonly string[] = ['ro', 'nosuid', 'nodev'];

/**
 * A mount below one that the container attaches itself cannot be attached before it.
 * @throws WarrenError invalidArgument (COMBINATION)
 */
export function validateLockedMounts(spec: OciSpec, name: string): void {
  if (!needsLockedMounts(spec)) return;
  const own = spec.mounts.filter((mount) => !isHostSide(mount));
  for (const { destination, options } of spec.mounts.filter(isUserBind)) {
    const flag = options.find((option) => lockedOptions.includes(option));
    const above = own.find((mount) => destination.startsWith(`${mount.destination}/`));
    if (flag === undefined || above === undefined) continue;
    throw new WarrenError(
      'invalidArgument',
      'COMBINATION',
      `Cannot start container ${name}: mount ${destination}: below ${above.destination}, CAP_SYS_ADMIN could take its ${flag} away`,
      {
        hint: 'Mount it elsewhere, or leave out the capability (--cap-add SYS_ADMIN, --privileged)',
        details: { target: destination },
      },
    );
  }
}

function isUserBind({ type }: OciMount): boolean {
  return type === 'bind';
}

function isHostSide({ type, source }: OciMount): boolean {
  return type === 'bind' || source.startsWith('warren-');
}

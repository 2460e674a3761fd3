/** Combinations that Warren refuses, each a small check. The config's own validation has looked at each field. */
import { WarrenError } from '../base/errors.js';
import type { ContainerRecord } from '../model/container.js';
import type { NamespaceModes } from './namespaces.js';

type Check = (record: ContainerRecord, modes: NamespaceModes) => string | undefined;

const checks: readonly Check[] = [
  ({ spec }, modes) =>
    modes.pid === 'host' && spec.userns === 'private'
      ? "the host's processes cannot be shared with an own user namespace (use --userns=host)"
      : undefined,
  ({ spec }, modes) =>
    spec.sysfs === 'own' && modes.network === 'host' && spec.userns === 'private'
      ? "an own sysfs shows the host's network, which an own user namespace may not mount"
      : undefined,
  ({ spec }) =>
    spec.tty && !spec.pty ? 'a terminal needs the devpts that --no-pty leaves out' : undefined,
  ({ spec }) =>
    spec.domainname !== '' && spec.uts === 'host'
      ? "a domain name cannot be set with the host's uts namespace"
      : undefined,
  ({ spec }) => sharedWithOwnUserNamespace(spec),
];

/** Throws `invalidArgument` (COMBINATION) with the first problem. */
export function validateLaunch(record: ContainerRecord, modes: NamespaceModes): void {
  for (const check of checks) {
    const problem = check(record, modes);
    if (problem !== undefined) {
      throw new WarrenError(
        'invalidArgument',
        'COMBINATION',
        `Cannot start container ${record.name}: ${problem}`,
      );
    }
  }
}

function sharedWithOwnUserNamespace(spec: ContainerRecord['spec']): string | undefined {
  if (spec.userns === 'host') return undefined;
  const shared = spec.mounts.find(
    (mount) => mount.type === 'bind' && /^r?shared$/.test(mount.propagation ?? ''),
  );
  return shared === undefined
    ? undefined
    : `mount ${shared.target}: shared propagation would bring the container's mounts to the host (use --userns=host)`;
}

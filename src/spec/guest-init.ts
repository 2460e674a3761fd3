import type { ContainerSpec } from '../model/container-config.js';

const inits: ReadonlySet<string> = new Set([
  'systemd',
  '/sbin/init',
  '/usr/sbin/init',
  '/lib/systemd/systemd',
  '/usr/lib/systemd/systemd',
  '/bin/systemd',
  '/usr/bin/systemd',
]);

/**
 * True when the container boots a service manager, which makes groups below its own one: its unified cgroup is then mounted
 * writable and belongs to its root (`CgroupRequest.owner`).
 */
export function wantsWritableCgroups(spec: ContainerSpec): boolean {
  if (spec.init) return false;
  const program = spec.entrypoint[0] ?? spec.command[0];
  return program !== undefined && inits.has(program);
}

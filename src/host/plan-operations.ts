/** Operations of a plan: docs/keeper-protocol.md, src/keeper/protocol.h. */

export const planMagic = 0x4e4c5057;
export const planVersion = 1;
export const planMaximumBytes = 262_144;
export const planMaximumOperations = 1024;

/** Index: the value on the wire. */
export const planPhases = ['request', 'host-before', 'host-after', 'child', 'cleanup'] as const;
export type PlanPhase = Exclude<(typeof planPhases)[number], 'request'>;

/** Type and phase on the wire, and the names of the flag bits from bit 0. */
export const operations = {
  CGROUP_MAKE: { type: 1, phase: 1, flags: ['new'] },
  CGROUP_WRITE: { type: 2, phase: 1, flags: ['clamp'] },
  CGROUP_DEVICES: { type: 3, phase: 1, flags: [] },
  CGROUP_JOIN: { type: 4, phase: 1, flags: [] },
  NAMESPACES: { type: 5, phase: 1, flags: ['locked'] },
  NAMESPACE_JOIN: { type: 6, phase: 1, flags: [] },
  IDMAP: { type: 7, phase: 1, flags: [] },
  OVERLAY: { type: 8, phase: 2, flags: [] },
  BIND: { type: 9, phase: 2, flags: ['recursive', 'idmapped', 'optional', 'make-source'] },
  DEV_TREE: { type: 10, phase: 2, flags: ['no-console'] },
  OOM_SCORE: { type: 11, phase: 2, flags: [] },
  MOUNT: { type: 12, phase: 3, flags: [] },
  MASK: { type: 13, phase: 3, flags: [] },
  READONLY: { type: 14, phase: 3, flags: [] },
  SYSCTL: { type: 15, phase: 3, flags: [] },
  HOSTNAME: { type: 16, phase: 3, flags: [] },
  LOOPBACK_UP: { type: 17, phase: 3, flags: [] },
  RLIMIT: { type: 18, phase: 3, flags: [] },
  CREDENTIALS: { type: 19, phase: 3, flags: [] },
  CAPABILITIES: { type: 20, phase: 3, flags: [] },
  NO_NEW_PRIVILEGES: { type: 21, phase: 3, flags: [] },
  SECCOMP: { type: 22, phase: 3, flags: [] },
  ENVIRONMENT: { type: 23, phase: 3, flags: [] },
  WORKDIR: { type: 24, phase: 3, flags: ['create'] },
  EXEC: { type: 25, phase: 3, flags: ['init'] },
  CGROUP_REMOVE: { type: 26, phase: 4, flags: [] },
  NETNS: { type: 27, phase: 1, flags: [] },
  /** In the cleanup phase too. */
  NETLINK: { type: 28, phase: 2, flags: ['tolerant'] },
  KEYRING: { type: 29, phase: 3, flags: [] },
  ROOT_READONLY: { type: 30, phase: 3, flags: [] },
  CGROUP_OWNER: { type: 31, phase: 1, flags: [] },
  /** The keeper's own: what it keeps of removals. */
  CGROUPS_REMOVE: { type: 32, phase: 4, flags: [] },
} as const;

export type OperationName = keyof typeof operations;

export const cloneFlags = {
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
} as const;

/** MOUNT_ATTR_* of linux/mount.h. */
export const mountAttributes = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  noAtime: 0x10,
  strictAtime: 0x20,
  noDirAtime: 0x80,
  noSymlinkFollow: 0x20_0000,
} as const;

export const bindSources = { host: 0, store: 1, shared: 2, joined: 3 } as const;
export const bindFlags = { recursive: 1, idmapped: 2, optional: 4, makeSource: 8 } as const;
export const propagations = { private: 0, slave: 1, shared: 2, unbindable: 3 } as const;
export const createKinds = { no: 0, directory: 1, file: 2, likeSource: 3 } as const;
export const overlayStrategies = { probe: 0, fd: 1, attached: 2 } as const;

const namesByType = new Map<number, OperationName>(
  (Object.keys(operations) as OperationName[]).map((name) => [operations[name].type, name]),
);

/** The operation of a type on the wire; undefined for 0 and unknown ones. */
export function operationName(type: number): OperationName | undefined {
  return namesByType.get(type);
}

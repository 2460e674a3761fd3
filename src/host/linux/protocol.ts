/** Constants of the wire protocol: docs/keeper-protocol.md, src/keeper/protocol.h. */

export const protocolMinimum = 1;
export const protocolMaximum = 5;
/** The version since which a launch tells the size of the terminal. */
export const sizedLaunches = 4;
/** The version since which one request signals many containers. */
export const signalsMany = 4;
/** The version since which one request kills all containers of a keeper. */
export const killsAll = 5;
/** `WRRN` */
export const helloMagic = 0x4e525257;
export const frameHeaderSize = 16;
export const frameMaximum = 1_048_576;
/** Credit that each side starts with, per stream and request. */
export const streamWindow = 262_144;
export const clientRequestsMaximum = 16_384;
export const noOperation = 0xffff;

export const request = {
  hello: 1,
  launch: 2,
  exec: 3,
  signal: 4,
  stop: 5,
  freeze: 6,
  wait: 7,
  list: 8,
  subscribe: 9,
  attach: 10,
  resize: 11,
  lock: 12,
  unlock: 13,
  forget: 14,
  supervise: 15,
  config: 16,
  shutdown: 17,
  upgrade: 18,
  cancel: 19,
  stream: 20,
  streamEnd: 21,
  credit: 22,
  status: 23,
  netlink: 24,
  service: 25,
  signalMany: 26,
  killAll: 27,
} as const;

export const reply = {
  ok: 64,
  error: 65,
  helloOk: 66,
  launched: 67,
  exit: 68,
  states: 69,
  event: 70,
  stream: 71,
  streamEnd: 72,
  credit: 73,
  locked: 74,
  statusOk: 75,
  signaled: 76,
} as const;

export const startFlags = { stdin: 1, stdout: 2, stderr: 4, owner: 8, discard: 16 } as const;

export const signalScopes = { init: 0, all: 1, exec: 2 } as const;

export const waitConditions = { 'not-running': 0, 'next-exit': 1 } as const;

/** Index: the value on the wire. */
export const phases = ['request', 'host-before', 'host-after', 'child', 'cleanup', 'exec'] as const;
export type Phase = (typeof phases)[number];

export const exitHows = ['none', 'exited', 'signaled', 'unknown'] as const;

export const exitReasons = [
  'own',
  'stop',
  'kill',
  'ttl',
  'idle',
  'owner',
  'timeout',
  'shutdown',
  'unhealthy',
] as const;

/** Index 0 is not used on the wire. */
export const containerStatuses = [
  'none',
  'starting',
  'running',
  'paused',
  'restarting',
  'exited',
] as const;

export const healthStatuses = ['none', 'starting', 'healthy', 'unhealthy'] as const;

/** Index 0 is not used on the wire. */
export const eventKinds = [
  'none',
  'started',
  'exited',
  'oom',
  'paused',
  'unpaused',
  'restarting',
  'health',
  'exec-started',
  'exec-exited',
  'attach',
  'detach',
  'lease',
  'log-dropped',
  'adopted',
] as const;

/** Index 0 is not used on the wire. */
export const clampKinds = ['none', 'rlimit', 'cgroup'] as const;

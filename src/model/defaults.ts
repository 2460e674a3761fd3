import type { HealthCheck, LogConfig, SecurityOptions } from './container-config.js';
import type { EgressPolicy, NetworkRates } from './network/network.js';

const mebibyte = 2 ** 20;

export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
export const defaultShmSizeBytes: number = 64 * mebibyte;
export const defaultTmpfsSizeBytes: number = 64 * mebibyte;
export const defaultVolatileSizeBytes: number = 512 * mebibyte;
export const defaultStopTimeoutMs = 10_000;
export const defaultStopSignal = 'SIGTERM';

/** Smallest memory limit with which a container can start (docker refuses less than 6 MiB; a static program needs little). */
export const minimumMemoryBytes: number = 512 * 1024;

export const defaultLog: LogConfig = { driver: 'file', maxBytes: 10 * mebibyte, maxFiles: 3 };

export const defaultHealth: Omit<HealthCheck, 'test' | 'shell'> = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
};

export const defaultSecurity: SecurityOptions = {
  seccomp: 'default',
  systemPathsUnconfined: false,
};

/** Ids for user namespaces, away from what distributions hand out. */
export const defaultIdPool: { readonly base: number; readonly count: number } = {
  base: 0x1000_0000,
  count: 0xe000_0000,
};

/** Ids in one container's range. */
export const idsPerContainer = 65_536;

/** What `run` uses when no network is named: it is made when the first container asks for it. */
export const defaultNetwork = 'default';

/** Subnets of networks come from here: an unusual part of 10.0.0.0/8. */
export const defaultNetworkPool = '10.208.0.0/12';

export const defaultNetworkRates: NetworkRates = {
  inBytesPerSecond: 0,
  inBurstBytes: 0,
  outBytesPerSecond: 0,
  outBurstBytes: 0,
};

export const defaultEgress: EgressPolicy = { policy: 'allow', allow: [] };

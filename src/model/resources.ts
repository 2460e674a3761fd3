/** A limit on one block device, named by its path (`/dev/vda`) or `major:minor`. */
export interface DeviceRate {
  readonly device: string;
  /** Bytes per second or operations per second. */
  readonly rate: number;
}

export interface DeviceWeight {
  readonly device: string;
  /** 10 to 1000. */
  readonly weight: number;
}

export interface HugepageLimit {
  /** As the kernel names it: `2MB`, `1GB`. */
  readonly pageSize: string;
  readonly limitBytes: number;
}

/** A device node given to a container (`--device HOST[:CONTAINER[:rwm]]`). */
export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Any of `r`, `w`, `m`. */
  readonly permissions: string;
}

/** A rule of the device filter (`--device-cgroup-rule`). Major or minor -1 means any. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type: 'a' | 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly permissions: string;
}

export interface Ulimit {
  /** Without prefix, lower case: `nofile`. */
  readonly name: string;
  /** -1: unlimited. */
  readonly soft: number;
  readonly hard: number;
}

/**
 * Everything that can be limited live, as one object. An absent field means "no limit of its own": the
 * container then shares its parent's group for that controller. In an update an absent field
 * means "unchanged" and -1 (0 for weights) removes the limit.
 */
export interface Resources {
  /** Hard memory limit; at least 512 KiB. */
  readonly memoryBytes?: number;
  /** Soft limit (v1 soft_limit, v2 memory.low). */
  readonly memoryReservationBytes?: number;
  /** Memory plus swap, as Docker's `--memory-swap`; -1: unlimited swap. @default twice the memory limit */
  readonly memorySwapBytes?: number;
  /** 0 to 100 (v1 only). */
  readonly memorySwappiness?: number;
  /** Throttling limit (v2 memory.high). */
  readonly memoryHighBytes?: number;
  /** Protected memory (v2 memory.min). */
  readonly memoryMinBytes?: number;
  /** No OOM kill: tasks wait instead (v1 only). */
  readonly oomKillDisable?: boolean;
  /** An OOM kills the whole container (v2 memory.oom.group). */
  readonly oomGroup?: boolean;
  readonly pidsLimit?: number;
  /** CPUs as a decimal (`--cpus`): quota = cpus × period. */
  readonly cpus?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuBurstUs?: number;
  /** 2 to 262144; v2 weight is derived. */
  readonly cpuShares?: number;
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  /** `0-3,5` */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** 10 to 1000. */
  readonly blkioWeight?: number;
  readonly blkioWeightDevice?: readonly DeviceWeight[];
  readonly blkioReadBps?: readonly DeviceRate[];
  readonly blkioWriteBps?: readonly DeviceRate[];
  readonly blkioReadIops?: readonly DeviceRate[];
  readonly blkioWriteIops?: readonly DeviceRate[];
  readonly hugepages?: readonly HugepageLimit[];
}

/** Pressure stall information: averages in percent, total in µs (Documentation/accounting/psi.rst). */
export interface Pressure {
  readonly some: {
    readonly avg10: number;
    readonly avg60: number;
    readonly avg300: number;
    readonly totalUs: number;
  };
  readonly full: {
    readonly avg10: number;
    readonly avg60: number;
    readonly avg300: number;
    readonly totalUs: number;
  } | null;
}

/** One reading of a container's cgroups; null where it has no group of its own or the kernel does not tell. */
export interface CgroupStats {
  readonly cpu: {
    readonly usageUs: number;
    readonly userUs: number;
    readonly systemUs: number;
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledUs: number;
  } | null;
  readonly memory: {
    readonly usageBytes: number;
    readonly maxUsageBytes: number | null;
    readonly limitBytes: number | null;
    readonly cacheBytes: number;
    readonly rssBytes: number;
    readonly swapBytes: number | null;
    readonly failCount: number;
    readonly oomKills: number;
  } | null;
  readonly pids: { readonly current: number; readonly limit: number | null } | null;
  readonly io:
    | readonly {
        readonly device: string;
        readonly readBytes: number;
        readonly writeBytes: number;
        readonly reads: number;
        readonly writes: number;
      }[]
    | null;
  readonly pressure: {
    readonly cpu: Pressure | null;
    readonly memory: Pressure | null;
    readonly io: Pressure | null;
  };
}

/** Counters of one link, as the container sees it. */
export interface LinkStats {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
  /** Where bandwidth is limited. */
  readonly limits?: { readonly in: LinkLimit | null; readonly out: LinkLimit | null };
}

/** A limit of bandwidth and what it did. In: towards the container. */
export interface LinkLimit {
  readonly bytesPerSecond: number;
  /** Bytes that passed it. */
  readonly bytes: number;
  readonly waitingBytes: number;
  /** Packets for which there was no room to wait. */
  readonly dropped: number;
  /** How often something had to wait. */
  readonly timesHeldUp: number;
}

export interface ContainerStats extends CgroupStats {
  /** Links by name, without `lo`; null with the host's network. */
  readonly networks: Readonly<Record<string, LinkStats>> | null;
  readonly id: string;
  readonly name: string;
  readonly readAtMs: number;
}

/** One row of `warren limits`, as OpenVZ's beancounters: what is held, the most ever, the limit, how often it was hit. */
export interface LimitAccount {
  readonly resource: string;
  readonly unit:
    'bytes' | 'count' | 'us' | 'share' | 'bytesPerSecond' | 'operationsPerSecond' | 'cpus';
  readonly held: number | null;
  readonly maximum: number | null;
  readonly limit: number | null;
  readonly timesHit: number | null;
}

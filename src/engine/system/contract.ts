/** What the engine tells of itself and of the machine, and what is done to all of it. */
import type { BatchOptions, BatchResult } from '../contract.js';

export interface DiskUsageLine {
  readonly type: 'Images' | 'Containers' | 'Local Volumes';
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  /** What removing everything that is not in use would free. */
  readonly reclaimableBytes: number;
}

export interface Leak {
  readonly kind:
    | 'cgroup'
    | 'directory'
    | 'volume'
    | 'fifo'
    | 'process'
    | 'record'
    | 'keeper'
    | 'idRange'
    | 'intent'
    | 'temporary'
    | 'link'
    | 'namespace'
    | 'firewall';
  readonly object: string;
  readonly why: string;
  readonly fixed: boolean;
}

export interface DoctorCheck {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'missing';
  readonly found: string;
  readonly hint: string;
}

export interface EngineInfo {
  readonly version: string;
  readonly dataRoot: string;
  readonly runDir: string;
  readonly cgroupVersion: string;
  readonly cgroupParent: string;
  readonly containers: {
    readonly total: number;
    readonly running: number;
    readonly paused: number;
    readonly stopped: number;
  };
  readonly images: number;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly keepers: readonly {
    readonly instance: number;
    readonly pid: number;
    readonly version: string;
    readonly containers: number;
    readonly fdUsed: number;
    readonly fdLimit: number;
    readonly rssBytes: number;
  }[];
  readonly securityOptions: readonly string[];
}

export interface EngineSystem {
  info(): Promise<EngineInfo>;
  diskUsage(): Promise<readonly DiskUsageLine[]>;
  doctor(): Promise<readonly DoctorCheck[]>;
  /**
   * Lets containers' packets pass where the host's firewall drops them: one marked accept in each chain, which `shutdown` takes away.
   * Returns the chains: `ip filter FORWARD`.
   */
  tune(): Promise<readonly string[]>;
  /** Objects that no record explains; `fix` removes them. */
  leaks(options: { readonly fix: boolean }): Promise<readonly Leak[]>;
  /** Applies restart policies after a reboot. */
  boot(options?: BatchOptions): Promise<readonly BatchResult[]>;
  /** Does what the keepers left to the engine: commits exits, removes `--rm` containers. */
  reconcile(): Promise<{ readonly committed: number; readonly removed: number }>;
  /** Answers questions of containers for names on the sockets 3 (UDP) and 4 (TCP). */
  serveNames(signal: AbortSignal): Promise<void>;
  /** Ends the keepers of this run dir; throws conflict while containers run, unless forced. */
  shutdown(options: { readonly force: boolean }): Promise<void>;
  upgradeKeepers(): Promise<void>;
  /** The compiled plan of a container, readable. */
  plan(reference: string): Promise<unknown>;
}

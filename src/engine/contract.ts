/**
 * What the engine offers to its three doors (library, command line, daemon). `Engine` (engine.ts) implements it as a thin
 * facade: every operation is a file of its own, `(context, request) => result`.
 *
 * Batch forms are the primary ones: they take thousands of references and give a result for each, in order. A single call is a batch
 * of one that throws its error.
 */
import type { Readable } from 'node:stream';
import type { WarrenError } from '../base/errors.js';
import type { ContainerConfig, ContainerSpec, RestartPolicy } from '../model/container-config.js';
import type {
  ContainerRecord,
  ContainerState,
  ExitInfo,
  HealthStatus,
} from '../model/container.js';
import type { EngineEvent, OnProgress } from '../model/events.js';
import type { ExecConfig, ExecResult, RunningProcess } from '../model/exec.js';
import type { Image } from '../model/image.js';
import type { EgressPolicy, NetworkRates } from '../model/network/network.js';
import type { Resources } from '../model/resources.js';
import type { ContainerStats, LimitAccount } from '../model/stats.js';
import type { LogEntry } from '../logs/reader.js';
import type { Change, Volume } from '../storage/driver.js';
import type { EngineNetworks } from './networks/contract.js';
import type { EngineImages, EngineRegistries } from './storage/contract.js';
import type { EngineSystem } from './system/contract.js';

export type {
  CommitOptions,
  EngineImages,
  EngineRegistries,
  ImagePruneOptions,
  MovedImages,
} from './storage/contract.js';

export type { EngineNetworks, ListedNetwork, PortSelection } from './networks/contract.js';
export type {
  DiskUsageLine,
  DoctorCheck,
  EngineInfo,
  EngineSystem,
  Leak,
} from './system/contract.js';

export interface EngineOptions {
  /** @default WARREN_DATA_ROOT, else /var/lib/warren */
  readonly dataRoot?: string;
  /** @default WARREN_RUN_DIR, else /run/warren (of the default data root), else <data root>/run */
  readonly runDir?: string;
  /** Cgroup parent below each hierarchy's root. @default 'warren', or a delegated unit */
  readonly cgroupParent?: string;
  /** Ids for user namespaces. @default { base: 0x10000000, count: 0xe0000000 } */
  readonly idPool?: { readonly base: number; readonly count: number };
  /** IPv4 range that networks without a subnet of their own get one from. @default WARREN_NETWORK_POOL, else 10.208.0.0/12 */
  readonly networkPool?: string;
  /**
   * Source NAT and published ports: a table of nftables on the host, and forwarding switched on. False: nothing of the host is changed
   * but routes to its networks; containers reach what knows the way back, and no ports are published.
   * @default WARREN_HOST_NAT is not 0
   */
  readonly hostNat?: boolean;
  /** Network of containers that name none: a network, or `none` (only lo). @default WARREN_DEFAULT_NETWORK, else 'default' */
  readonly defaultNetwork?: string;
  /** Force an overlay strategy (tests). @default 'probe' */
  readonly overlayStrategy?: 'probe' | 'fd' | 'attached';
  /** File that configures registries. @default WARREN_REGISTRIES, else /etc/warren/registries.json */
  readonly registries?: string;
  /** Folder of the `config.json` with credentials for registries. @default DOCKER_CONFIG, else ~/.docker */
  readonly dockerConfig?: string;
  /** Per-operation timings of each launch are emitted to this function (WARREN_TRACE). */
  readonly onTrace?: (trace: LaunchTrace) => void;
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug';
}

export interface LaunchTrace {
  readonly id: string;
  /** Step name → ms, in order: resolve, record, compile, keeper (before, clone, after, exec), commit. */
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
}

export type BatchResult<T = void> =
  | {
      readonly ok: true;
      readonly reference: string;
      readonly id: string;
      readonly name: string;
      readonly value: T;
    }
  | { readonly ok: false; readonly reference: string; readonly error: WarrenError };

export interface BatchOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface StartNewOptions extends BatchOptions {
  /** Called when a container is created, before it is started. What it throws undoes the container. */
  readonly onCreated?: (container: { readonly id: string; readonly name: string }) => void;
}

/** One container as lists show it. */
export interface ContainerSummary {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
}

export interface ContainerFilter {
  /** Stopped ones too. @default false */
  readonly all?: boolean;
  /** Docker's filters: id, name, label, status, exited, ancestor, health, volume, network, publish, expose, before, since. Values of one key are alternatives. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  readonly limit?: number;
}

export interface StopOptions extends BatchOptions {
  /** Name or number. @default the container's stop signal */
  readonly stopSignal?: string;
  /** Then SIGKILL. @default the container's */
  readonly timeoutMs?: number;
}

export interface RemoveOptions extends BatchOptions {
  /** Kill running ones. @default false */
  readonly force?: boolean;
  /** Anonymous volumes too. @default false */
  readonly volumes?: boolean;
}

export interface UpdateRequest {
  readonly resources?: Resources;
  readonly restart?: Partial<RestartPolicy>;
  readonly lease?: { readonly ttlMs?: number; readonly idleTimeoutMs?: number };
  readonly netRates?: Partial<NetworkRates>;
  /** Instead of the egress rules that it has; `policy: 'allow'` takes them away. */
  readonly egress?: Omit<EgressPolicy, 'revision'>;
}

export interface AttachOptions {
  /** @default false */
  readonly stdin?: boolean;
  readonly terminal?: { readonly columns: number; readonly rows: number };
  readonly signal?: AbortSignal;
}

export interface RunOptions extends StartNewOptions {
  /** Streams of the first run are given to the caller (foreground `warren run`). */
  readonly attach?: AttachOptions;
  /** Dies with this process (`lease.dieWithOwner` too). */
  readonly dieWithOwner?: boolean;
}

export interface LogOptions {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly tail?: number;
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface PruneResult {
  readonly deleted: readonly string[];
  readonly reclaimedBytes: number;
}

/** A health check that changed the health. */
export interface HealthResult {
  readonly health: HealthStatus;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** null: it did not end by itself. */
  readonly exitCode: number | null;
  readonly output: string;
}

/** Everything inspect shows; the CLI and the daemon give it Docker's shape. */
export interface ContainerInspection extends ContainerSummary {
  readonly image: Image | null;
  readonly paths: {
    readonly log: string;
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
    readonly upper: string;
  };
  readonly sizeBytes: number | null;
  /** The last checks of this run that changed the health, oldest first. */
  readonly healthLog: readonly HealthResult[];
}

export interface ContainerHandle {
  readonly id: string;
  readonly name: string;
  readonly spec: ContainerSpec;
  start(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Starts with the streams of the process: nothing that it writes is missed (`warren start -a`). */
  startAttached(options?: RunOptions): Promise<RunningProcess>;
  stop(options?: StopOptions): Promise<ExitInfo | null>;
  kill(signal?: string): Promise<void>;
  restart(options?: StopOptions): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  wait(options?: {
    readonly condition?: 'not-running' | 'next-exit' | 'removed';
    readonly signal?: AbortSignal;
  }): Promise<ExitInfo>;
  remove(options?: RemoveOptions): Promise<void>;
  rename(name: string): Promise<void>;
  update(request: UpdateRequest): Promise<void>;
  /** One awaited call: `{ exitCode, stdout, … }`. A non-zero exit is a result, not an error. */
  exec(command: readonly string[], options?: Omit<ExecConfig, 'command'>): Promise<ExecResult>;
  /** The same with streams. */
  spawn(command: readonly string[], options?: SpawnOptions): Promise<RunningProcess>;
  attach(options?: AttachOptions): Promise<RunningProcess>;
  resize(size: { readonly columns: number; readonly rows: number }): Promise<void>;
  logs(options?: LogOptions): AsyncIterable<LogEntry>;
  state(): Promise<ContainerState>;
  inspect(options?: { readonly size?: boolean }): Promise<ContainerInspection>;
  stats(): Promise<ContainerStats>;
  limits(): Promise<readonly LimitAccount[]>;
  top(options?: { readonly columns?: readonly string[] }): Promise<ProcessTable>;
  readonly files: ContainerFileOperations;
  /** Stops (no grace) and removes. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type SpawnOptions = Omit<ExecConfig, 'command' | 'input' | 'maxOutputBytes'> & {
  /** @default false */
  readonly stdin?: boolean;
  /** false: stdout and stderr are /dev/null, and the process outlives this connection (`exec -d`). @default true */
  readonly output?: boolean;
  readonly terminal?: { readonly columns: number; readonly rows: number };
};

/** What `stat` tells of a path in a container; the link target is empty unless it is a symbolic link. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly linkTarget: string;
}

export interface ContainerFileOperations {
  /** Throws notFound. A last symbolic link is not followed. */
  stat(path: string): Promise<PathStat>;
  copyOut(path: string, options?: { readonly followLink?: boolean }): Promise<Readable>;
  copyIn(path: string, archive: Readable): Promise<void>;
  diff(): Promise<readonly Change[]>;
  export(): Promise<Readable>;
}

export interface EngineContainers {
  create(
    configs: readonly ContainerConfig[],
    options?: BatchOptions,
  ): Promise<readonly BatchResult<ContainerHandle>[]>;
  start(references: readonly string[], options?: BatchOptions): Promise<readonly BatchResult[]>;
  stop(
    references: readonly string[],
    options?: StopOptions,
  ): Promise<readonly BatchResult<ExitInfo | null>[]>;
  kill(
    references: readonly string[],
    options?: BatchOptions & { readonly stopSignal?: string },
  ): Promise<readonly BatchResult[]>;
  restart(references: readonly string[], options?: StopOptions): Promise<readonly BatchResult[]>;
  pause(references: readonly string[], options?: BatchOptions): Promise<readonly BatchResult[]>;
  unpause(references: readonly string[], options?: BatchOptions): Promise<readonly BatchResult[]>;
  remove(references: readonly string[], options?: RemoveOptions): Promise<readonly BatchResult[]>;
  update(
    references: readonly string[],
    request: UpdateRequest,
    options?: BatchOptions,
  ): Promise<readonly BatchResult[]>;
  list(filter?: ContainerFilter): Promise<readonly ContainerSummary[]>;
  /** All running ones in one call. */
  stats(references?: readonly string[]): Promise<readonly ContainerStats[]>;
  prune(filters?: Readonly<Record<string, readonly string[]>>): Promise<PruneResult>;
}

export interface VolumePruneOptions {
  /** Those with names too. @default false */
  readonly all?: boolean;
  /** As of `list`. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

export interface EngineVolumes {
  create(options?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
  }): Promise<Volume>;
  /** Docker's filters: name, label, driver, dangling. Values of one key are alternatives, but for labels. */
  list(options?: {
    readonly filters?: Readonly<Record<string, readonly string[]>>;
  }): Promise<
    readonly (Volume & { readonly mountPoint: string; readonly usedBy: readonly string[] })[]
  >;
  get(
    name: string,
  ): Promise<Volume & { readonly mountPoint: string; readonly usedBy: readonly string[] }>;
  remove(name: string, options?: { readonly force?: boolean }): Promise<void>;
  prune(options?: VolumePruneOptions): Promise<PruneResult>;
}

export interface EngineApi {
  /** Creates and starts; the handle is disposable. */
  run(config: ContainerConfig, options?: StartNewOptions): Promise<ContainerHandle>;
  /** Creates and starts with the streams of the process. */
  runAttached(
    config: ContainerConfig,
    options: RunOptions,
  ): Promise<{ readonly container: ContainerHandle; readonly process: RunningProcess }>;
  /** `count` containers of one config (names get `-1`, `-2`, … when a name is given). */
  runMany(
    config: ContainerConfig,
    count: number,
    options?: StartNewOptions,
  ): Promise<readonly BatchResult<ContainerHandle>[]>;
  create(config: ContainerConfig, options?: BatchOptions): Promise<ContainerHandle>;
  /** Throws notFound: `No such container: X`. */
  get(reference: string): Promise<ContainerHandle>;
  events(options?: {
    readonly signal?: AbortSignal;
    /** Called once, when everything that happens from then on will be told: the iteration has begun by then. */
    readonly onReady?: () => void;
    readonly filters?: Readonly<Record<string, readonly string[]>>;
    /** Also what happened since then, as far as it is kept; in ms since the epoch. @default from now on; with untilMs: all */
    readonly sinceMs?: number;
    /** Ends with the last event that is not later, in ms since the epoch; at once when that is over. @default never */
    readonly untilMs?: number;
  }): AsyncIterable<EngineEvent>;
  readonly containers: EngineContainers;
  readonly images: EngineImages;
  readonly registries: EngineRegistries;
  readonly volumes: EngineVolumes;
  readonly networks: EngineNetworks;
  readonly system: EngineSystem;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

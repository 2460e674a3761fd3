/**
 * The port to the kernel and to other processes. Everything above `host/` that must touch either goes
 * through these interfaces; `host/linux/` is the real one, `host/fake/` records what it is asked.
 *
 * Life of a container, seen from here:
 *
 *     const keeper = await host.keeper(0);              // started when none runs
 *     const lock = await keeper.lock('container:ID', { operation: 'start', timeoutMs: 10_000 });
 *     const launched = await keeper.launch({ supervise, plan, fence: lock.fence, streams: 0 });
 *     …                                                 // launched.exit settles when the run ends
 *     await keeper.forget(['ID']);                      // the exit is committed to the records
 *     await lock.release();
 */
import type { ExitReason, HealthStatus } from '../model/container.js';
import type { KernelFacts } from './facts.js';
import type { NetlinkBatch } from './netlink.js';

export type { KernelFacts } from './facts.js';
export type { NetlinkBatch } from './netlink.js';

export interface Host {
  /** Connects to keeper `instance` of the run dir and starts it first when it does not run. Cached. */
  keeper(instance: number): Promise<Keeper>;
  /** Connects only if it runs already; null otherwise. */
  runningKeeper(instance: number): Promise<Keeper | null>;
  /** Instances whose sockets are in the run dir. */
  keeperInstances(): Promise<readonly number[]>;
  /** Instances that have stored events, running or not. */
  storedInstances(): readonly number[];
  /** What a keeper stored of its events, oldest first. All that came before a subscription's `onReady` is in it. */
  storedEvents(instance: number): readonly KeeperEvent[];
  readonly cgroups: CgroupFiles;
  readonly namespaces: PinnedNamespaces;
  /** What this kernel and machine can do; probed once. */
  facts(): Promise<KernelFacts>;
  /** Runs a program to its end. Throws when it cannot be started; a non-zero exit is a result. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Closes connections; keepers live on. */
  close(): Promise<void>;
}

/** Network namespaces that a mount pins at an absolute path. */
export interface PinnedNamespaces {
  isPinned(path: string): boolean;
  /** Makes one with these sysctls (`net.NAME=VALUE`). False when one was pinned there already. */
  pin(path: string, sysctls: readonly string[]): Promise<boolean>;
  drop(path: string): Promise<void>;
  /** Names of its links. */
  links(path: string): Promise<readonly string[]>;
  /** A program and its arguments that runs in the host's namespace, with sockets (3: UDP, 4: TCP) that listen in that at `path`. */
  listening(
    path: string,
    at: { readonly address: string; readonly port: number },
    argv: readonly string[],
  ): readonly string[];
  /** What its token buckets counted, by interface index. */
  shapers(path: string): Promise<ReadonlyMap<number, ShaperCounters>>;
}

/** What a token bucket that limits a link counted. */
export interface ShaperCounters {
  readonly bytes: number;
  readonly waitingBytes: number;
  readonly dropped: number;
  readonly timesHeldUp: number;
}

/** A group in one of the host's hierarchies. */
export interface CgroupGroup {
  readonly hierarchy: number;
  /** Below the hierarchy's root, without a leading slash; '' is the root itself. */
  readonly path: string;
}

/** Synchronous file access below a cgroup hierarchy: these files never block, and a promise costs more than the call. */
export interface CgroupFiles {
  /** Content without the last newline; null when file or group is missing. */
  read(group: CgroupGroup, file: string): string | null;
  /** Throws Node's system error. */
  write(group: CgroupGroup, file: string, value: string): void;
  /** With its parents; nothing happens when it is there. */
  make(group: CgroupGroup): void;
  /** False when it was missing. */
  remove(group: CgroupGroup): boolean;
  exists(group: CgroupGroup): boolean;
  /** Names of the groups in it; none when it is missing. */
  children(group: CgroupGroup): readonly string[];
  /** Index 0 is the unified hierarchy (its mount point '' when the host has none). */
  readonly hierarchies: readonly CgroupHierarchy[];
}

export interface CgroupHierarchy {
  readonly index: number;
  /** `unified`, or the v1 controllers as mounted: `cpu,cpuacct`, `memory`, `name=systemd`. */
  readonly name: string;
  readonly mountPoint: string;
  readonly controllers: readonly string[];
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Standard input. An error of it ends the program and is thrown. @default /dev/null */
  readonly input?: AsyncIterable<Uint8Array>;
  /** Bytes kept of each output; more is cut at the front. @default 1 MiB */
  readonly maxOutputBytes?: number;
  /** Called with each line of stdout and stderr. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/* ---- the keeper ---- */

export interface Keeper {
  readonly instance: number;
  readonly version: string;
  readonly bootId: string;
  readonly pid: number;
  launch(request: LaunchRequest): Promise<Launched>;
  exec(request: ExecRequest): Promise<Launched>;
  attach(request: AttachRequest): Promise<ProcessStreams>;
  readonly control: KeeperControl;
  /**
   * Sends netlink messages, batch after batch; the first error ends it, and what was sent before stays. `container`: whose
   * network namespace is meant, '' for none. Throws `unsupported` (KEEPER_TOO_OLD) when the keeper cannot do it.
   */
  netlink(container: string, batches: readonly NetlinkBatch[]): Promise<void>;
  readonly containers: KeeperContainers;
  lock(name: string, options: LockOptions): Promise<Lock>;
  /** Until `signal` aborts or the connection ends (then it throws). */
  events(options?: KeeperEventOptions): AsyncIterable<KeeperEvent>;
  close(): Promise<void>;
}

export interface KeeperEventOptions {
  readonly signal?: AbortSignal;
  /** Called once: what happens from then on is told. */
  readonly onReady?: () => void;
}

/** Of single containers. All throw `notFound` (code NOT_SUPERVISED) when the keeper does not know the id. */
export interface KeeperContainers {
  signal(container: string, signal: number, scope: 'init' | 'all'): Promise<void>;
  /** Resolves when the run has ended. */
  stop(container: string, signal: number, timeoutMs: number): Promise<KeeperExit>;
  freeze(container: string, frozen: boolean): Promise<void>;
  wait(
    container: string,
    condition: 'not-running' | 'next-exit',
    signal?: AbortSignal,
  ): Promise<KeeperExit>;
  /** Empty list: all. Unknown ids are left out. */
  list(containers?: readonly string[]): Promise<readonly KeeperState[]>;
  resize(container: string, size: TerminalSize): Promise<void>;
  forget(containers: readonly string[]): Promise<void>;
  supervise(container: string, supervise: Uint8Array): Promise<void>;
}

export interface KeeperControl {
  configure(config: {
    readonly reconcile: readonly string[];
    readonly environment: readonly string[];
    readonly logLevel: number;
  }): Promise<void>;
  /** A program that runs as long as the keeper does, in place of the one before; null: none. */
  serve(service: KeeperService | null): Promise<void>;
  status(): Promise<KeeperStatus>;
  /** Throws conflict (KEEPER_BUSY) while containers run, unless forced. */
  shutdown(force: boolean): Promise<void>;
  upgrade(): Promise<void>;
}

export interface KeeperService {
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  /** Started again when the same one runs already. */
  readonly anew: boolean;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface LaunchRequest {
  readonly supervise: Uint8Array;
  readonly plan: Uint8Array;
  /** 0n: no lock. */
  readonly fence: bigint;
  readonly streams?: StreamWishes;
  /** The first size of its terminal, when it has one. A keeper older than protocol 4 takes none. */
  readonly terminal?: TerminalSize;
  /** The container dies with this connection. @default false */
  readonly ownerBound?: boolean;
  readonly signal?: AbortSignal;
}

export interface StreamWishes {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
}

export interface ExecRequest {
  readonly container: string;
  readonly plan: Uint8Array;
  readonly streams: StreamWishes;
  /** Undefined: no terminal. */
  readonly terminal?: TerminalSize;
  readonly timeoutMs?: number;
  readonly ownerBound?: boolean;
  readonly signal?: AbortSignal;
}

export interface AttachRequest {
  readonly container: string;
  readonly streams: StreamWishes;
  readonly terminal?: TerminalSize;
  readonly signal?: AbortSignal;
}

export interface Launched extends ProcessStreams {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly clamps: readonly {
    readonly kind: 'rlimit' | 'cgroup';
    readonly name: string;
    readonly wanted: number;
    readonly given: number;
  }[];
  /** ns of before, clone, after, child to exec; zeros unless traced. */
  readonly phaseTimesNs: readonly number[];
}

/** Streams are null when not asked for. `exit` of a launch without streams: use `containers.wait`. */
export interface ProcessStreams {
  readonly stdin: NodeJS.WritableStream | null;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  readonly exit: Promise<KeeperExit>;
  resize(size: TerminalSize): Promise<void>;
  /** Signals the exec (or the init). */
  kill(signal: number): Promise<void>;
  /** Ends the streams and leaves the process alone. */
  detach(): Promise<void>;
}

export interface KeeperExit {
  readonly how: 'none' | 'exited' | 'signaled' | 'unknown';
  readonly code: number;
  readonly oomKilled: boolean;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly maxRssBytes: number;
  readonly reason: ExitReason;
}

export interface KeeperState {
  readonly container: string;
  readonly status: 'starting' | 'running' | 'paused' | 'restarting' | 'exited';
  readonly pid: number;
  readonly startedAtMs: number;
  readonly exit: KeeperExit;
  readonly restarts: number;
  readonly health: HealthStatus;
  readonly failingStreak: number;
  readonly generation: number;
  readonly nextStartAtMs: number;
}

export interface KeeperEvent {
  readonly kind:
    | 'started'
    | 'exited'
    | 'oom'
    | 'paused'
    | 'unpaused'
    | 'restarting'
    | 'health'
    | 'exec-started'
    | 'exec-exited'
    | 'attach'
    | 'detach'
    | 'lease'
    | 'log-dropped'
    | 'adopted';
  /** No other event of this keeper has it: it names the event. */
  readonly timeNs: bigint;
  readonly timeMs: number;
  readonly container: string;
  readonly pid: number;
  readonly exit: KeeperExit;
  readonly detail: string;
}

export interface KeeperStatus {
  readonly containers: number;
  readonly running: number;
  readonly fdUsed: number;
  readonly fdLimit: number;
  readonly clients: number;
  readonly workers: number;
  readonly rssBytes: number;
  readonly uptimeMs: number;
  readonly logLinesDropped: number;
  readonly adopted: number;
}

export interface LockOptions {
  /** What for: shown to whoever waits in vain. */
  readonly operation: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Ends when released, or with the connection when no operation under it runs. */
export interface Lock {
  readonly fence: bigint;
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

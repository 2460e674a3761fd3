import type { ContainerSpec } from './container-config.js';
import type { Endpoint, PublishedPort } from './network/network.js';

export type ContainerId = string & { readonly __brand: 'ContainerId' };

/** Docker's words. `created` and `dead` come from the record, the rest from the keeper. */
export type ContainerStatus =
  'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type ExitReason =
  'own' | 'stop' | 'kill' | 'ttl' | 'idle' | 'owner' | 'timeout' | 'shutdown' | 'unhealthy';

/** How a run ended. Times are ms since the epoch (0: unknown). */
export interface ExitInfo {
  /** Exit code; 128 + signal for a signal; null when the end was not seen (a crash, a reboot). */
  readonly code: number | null;
  readonly signal: string | null;
  readonly oomKilled: boolean;
  readonly reason: ExitReason;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly usage: {
    readonly userUs: number;
    readonly systemUs: number;
    readonly maxRssBytes: number;
  };
}

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** A block of ids of the host: `base` is uid and gid 0 inside. */
export interface IdRange {
  readonly base: number;
  readonly count: number;
}

/** A volume mount after creation: its name is known and whether the container owns it. */
export interface ResolvedVolume {
  readonly target: string;
  readonly name: string;
  readonly anonymous: boolean;
}

/**
 * What is stored for a container. It never claims "running": `started` says that a run was begun on keeper
 * `keeper` in boot `bootId`; whether it still runs, the keeper knows.
 */
export interface ContainerRecord {
  readonly id: ContainerId;
  readonly name: string;
  readonly createdAtMs: number;
  readonly spec: ContainerSpec;
  /** null with the host's user namespace. */
  readonly ids: IdRange | null;
  /** Store-relative lower directories, top first. */
  readonly layers: readonly string[];
  readonly volumes: readonly ResolvedVolume[];
  /** On networks, the default route's first. */
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly PublishedPort[];
  /** Cgroup path below each hierarchy's root. */
  readonly cgroupPath: string;
  readonly phase: 'created' | 'started' | 'exited' | 'removing' | 'dead';
  readonly run: ContainerRun | null;
  readonly lastExit: ExitInfo | null;
  readonly restartCount: number;
  /** The user stopped it: `unless-stopped` does not start it at boot. */
  readonly stoppedByUser: boolean;
  /** Of the newest operation that committed; a commit with a smaller one is refused. */
  readonly fence: bigint;
}

export interface ContainerRun {
  readonly keeper: number;
  readonly bootId: string;
  /** Grows with every start by engine or keeper. */
  readonly generation: number;
  readonly startedAtMs: number;
}

/** The truth of one moment: the record merged with what the keeper says. */
export interface ContainerState {
  readonly status: ContainerStatus;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly lastExit: ExitInfo | null;
  readonly restartCount: number;
  readonly health: HealthStatus;
  readonly failingStreak: number;
}

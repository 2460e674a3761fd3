import type { ContainerConfig, NetworkMode } from '../model/container-config.js';

/** What the containers of a run do. */
export type Workload = 'pause' | 'http' | 'shell' | 'node';

/** How launches are begun. */
export type Arrival =
  /** All by one call: as fast as the engine takes them. */
  | { readonly kind: 'batch' }
  /** One after the other: the next begins when the last has answered. */
  | { readonly kind: 'closed' }
  /** At fixed times, whatever the answers do. */
  | { readonly kind: 'open'; readonly perSecond: number };

export interface PeerChoice {
  readonly name: string;
  /** null: both. */
  readonly variant: 'default' | 'equal' | null;
}

/** One measurement, complete: nothing downstream has defaults. */
export interface Scenario {
  readonly count: number;
  readonly image: string;
  readonly workload: Workload;
  readonly memoryBytes: number;
  readonly pidsLimit: number;
  readonly cpus: number;
  readonly network: NetworkMode;
  /** S of the manifest: 3 without own /dev/pts and /dev/shm, 5 with them. */
  readonly superblocks: 3 | 5;
  readonly arrival: Arrival;
  /** Length of the churn phase; null: none. */
  readonly churnMs: number | null;
  /** Arrivals per second while it churns; null: half of what the ramp reached. */
  readonly churnPerSecond: number | null;
  readonly peers: readonly PeerChoice[];
  /** Containers of each peer. */
  readonly peerCount: number;
  readonly repeat: number;
  /** Containers of the raw control, before and after; 0: no control. */
  readonly controlCount: number;
  /** Commands executed in containers picked at random, one at a time. */
  readonly execs: number;
  /** HTTP requests for each point of the curve. */
  readonly requests: number;
  /** Memory that is left to the host. */
  readonly reserveBytes: number;
  readonly tune: boolean;
  readonly keep: boolean;
}

export const httpPort = 8080;

const commands: Readonly<Record<Workload, readonly string[]>> = {
  pause: ['pause'],
  http: ['httpd', `${httpPort}`],
  shell: ['sh', '-c', 'while :; do sleep 3600; done'],
  node: ['node', '-e', 'setInterval(() => undefined, 3_600_000)'],
};

/** The image that a workload needs, when none was asked for. */
export const workloadImages: Readonly<Record<Workload, string>> = {
  pause: 'tiny',
  http: 'tiny',
  shell: 'busybox',
  node: 'node',
};

/** The containers of a scenario: default isolation, a memory, a pids and a CPU limit. */
export function configOf(scenario: Scenario): ContainerConfig {
  const { image, workload, memoryBytes, pidsLimit, cpus, network, superblocks } = scenario;
  return {
    image,
    command: commands[workload],
    resources: { memoryBytes, pidsLimit, cpus },
    network,
    ...(superblocks === 3 ? { pty: false, shmSizeBytes: 0 } : {}),
  };
}

/** Counts at which the growing population is measured: an eighth, a quarter, a half, all. */
export function checkpointsOf(count: number): readonly number[] {
  const points = [8, 4, 2, 1].map((part) => Math.floor(count / part)).filter((at) => at > 0);
  return [...new Set(points)];
}

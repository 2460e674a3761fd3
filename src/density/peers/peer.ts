import type { Scenario } from '../scenario.js';
import type { Spread } from '../figures/summary.js';
import type { Distribution } from '../figures/histogram.js';

export type PeerVariant = 'default' | 'equal';

/** What a peer has to start: one static program in a small root file system, with limits. */
export interface PeerTask {
  /** Existing, empty, of this peer alone. */
  readonly directory: string;
  /** A root file system that all may share read-only: `/bin/pause` waits for ever. */
  readonly rootfs: string;
  /** The cgroup, below each hierarchy's root, that everything has to be in. Exists in none yet. */
  readonly cgroup: string;
  readonly memoryBytes: number;
  readonly pidsLimit: number;
  readonly cpus: number;
  readonly variant: PeerVariant;
  readonly signal: AbortSignal;
  /** For Warren itself. */
  readonly scenario: Scenario;
}

/** Another system that runs the same program, in one of its configurations. */
export interface Peer {
  readonly name: string;
  readonly title: string;
  /** What the variants are, in a sentence each. */
  readonly variants: Readonly<Record<PeerVariant, string>>;
  /**
   * Makes ready whatever is needed once.
   * @throws WarrenError unavailable: it is not installed or cannot run here; the message is shown as the reason
   */
  prepare(task: PeerTask): Promise<PeerRun>;
}

/** A prepared peer. */
export interface PeerRun {
  readonly version: string;
  /** Resolves when the program of the index-th container runs, as well as this peer lets that be told. */
  launch(index: number): Promise<void>;
  /** How that is told. */
  readonly readiness: string;
  /** Containers whose program runs. */
  count(): Promise<number>;
  /** Ends and removes all. */
  stop(): Promise<void>;
  /** Undoes `prepare`, as far as removing the task's cgroup and directory does not. */
  clean?(): Promise<void>;
}

/** One round of one peer in one variant. */
export interface PeerRound {
  readonly launch: Distribution;
  readonly series: readonly number[];
  readonly perSecond: number;
  readonly counted: number;
  /** Fall of MemAvailable for a container, everything that serves it included. */
  readonly bytesPerContainer: number;
  /** Processes outside of containers for each, beside the program itself. */
  readonly processesPerContainer: number;
  readonly stopMs: number;
  readonly residue: readonly string[];
}

export interface PeerFigures {
  readonly name: string;
  readonly title: string;
  readonly variant: PeerVariant;
  readonly configuration: string;
  readonly version: string;
  readonly readiness: string;
  readonly count: number;
  /** Why there are no figures; null: there are. */
  readonly reason: string | null;
  readonly rounds: readonly PeerRound[];
  readonly launchP50Ms: Spread;
  readonly launchP99Ms: Spread;
  readonly bytesPerContainer: Spread;
  readonly stopMs: Spread;
}

import type { Scenario } from '../scenario.js';

export type PeerVariant = 'default' | 'equal';

/** What a peer has to start: one static program in a small root file system, with limits. */
export interface PeerTask {
  /** Existing, empty, of this peer alone. */
  readonly directory: string;
  /** A root file system that all may share read-only: `/bin/pause` waits for ever. */
  readonly rootfs: string;
  /** Name of the cgroup, below each hierarchy's root, that everything has to be in. Exists in none yet. */
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
  /** More are never asked of it: each takes too long. */
  readonly most?: number;
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
  count(): number | Promise<number>;
  /** Ends and removes all; more may be launched afterwards. */
  stop(): Promise<void>;
  /** Undoes `prepare`, as far as ending what is in the task's cgroup and removing its directory does not. */
  clean?(): Promise<void>;
}

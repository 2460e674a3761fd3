import type { Host } from '../port.js';

export interface LinuxHostOptions {
  /** Directory of the keeper's sockets and journal, 0700. */
  readonly runDir: string;
  readonly dataRoot: string;
  /** Cgroup path below each hierarchy's root in which keepers keep themselves. */
  readonly cgroupParent: string;
  /** @default found by keeperPath() */
  readonly keeperPath?: string;
  /** @default the keeper's own choice */
  readonly workers?: number;
}

/** The real host: the keeper of a run dir, the cgroup file systems, and child processes. */
export function createLinuxHost(options: LinuxHostOptions): Host {
  throw new Error(`Not available yet for ${options.runDir}`);
}

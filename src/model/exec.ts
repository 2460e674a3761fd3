import type { Readable, Writable } from 'node:stream';

export interface ExecConfig {
  readonly command: readonly string[];
  /** Added to the container's. */
  readonly env?: readonly string[] | Readonly<Record<string, string>>;
  readonly workingDir?: string;
  readonly user?: string;
  /** @default false */
  readonly tty?: boolean;
  /** All capabilities of the container's bounding set. @default false */
  readonly privileged?: boolean;
  /** What the process reads; undefined: /dev/null. */
  readonly input?: string | Uint8Array | Readable;
  /** Killed after this time. */
  readonly timeoutMs?: number;
  /** Each output is kept up to this many bytes, then the exec fails with exhausted (OUTPUT_LIMIT). @default 64 MiB */
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

export interface ProcessUsage {
  readonly userUs: number;
  readonly systemUs: number;
  readonly maxRssBytes: number;
  readonly wallMs: number;
}

export interface ExecResult {
  /** null when it ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oomKilled: boolean;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly usage: ProcessUsage;
}

/** A process whose streams are used while it runs. */
export interface RunningProcess {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly exit: Promise<Omit<ExecResult, 'stdout' | 'stderr'>>;
  resize(size: { readonly columns: number; readonly rows: number }): Promise<void>;
  kill(signal?: string): Promise<void>;
  detach(): Promise<void>;
}

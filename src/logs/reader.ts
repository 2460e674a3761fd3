/** The contract of the log reader: CRI-format files written by the keeper's pump, rotated siblings included. */
export interface LogEntry {
  readonly timeMs: number;
  /** RFC 3339 with nanoseconds, as in the file. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without the newline when `partial` is false (a full line had one). */
  readonly text: Buffer;
  readonly partial: boolean;
}

export interface LogQuery {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Last N lines; undefined: all. */
  readonly tail?: number;
  /** Go on with what is appended, through rotations, until `ended` settles and the file is read to its end. */
  readonly follow?: { readonly ended: Promise<void> };
  readonly signal?: AbortSignal;
}

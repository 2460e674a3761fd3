/**
 * What kind of failure it is. The kind drives behaviour (HTTP status, exit code), the code is for
 * people and grep, the hint says what to do.
 */
export type ErrorKind =
  | 'invalidArgument'
  | 'notFound'
  | 'conflict'
  | 'unsupported'
  | 'permissionDenied'
  | 'exhausted'
  | 'unavailable'
  | 'timedOut'
  | 'canceled'
  | 'commandNotFound'
  | 'commandNotExecutable'
  | 'corrupt'
  | 'internal';

export interface WarrenErrorOptions {
  /** What the user can do about it: one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts for programs: names, paths, errno, limits. */
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Every failure that a user can cause or meet. The message says what was attempted, on what and why
 * it failed, in sentence case without a final period: `Cannot start container web: …`.
 * Programmer errors stay plain `Error`s.
 */
export class WarrenError extends Error {
  override readonly name = 'WarrenError';
  readonly kind: ErrorKind;
  /** Stable, upper snake case: `NAME_IN_USE`. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  // eslint-disable-next-line max-params -- the parts that every error has, in the order of reading
  constructor(kind: ErrorKind, code: string, message: string, options: WarrenErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.kind = kind;
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** True for a WarrenError, of that kind and code when they are given. */
export function isWarrenError(
  error: unknown,
  kind?: ErrorKind,
  code?: string,
): error is WarrenError {
  return (
    error instanceof WarrenError &&
    (kind === undefined || error.kind === kind) &&
    (code === undefined || error.code === code)
  );
}

/** Errno name of a Node system error (`ENOENT`), else undefined. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * The process of a `/proc/PID/…` has ended: before the path was looked up, between that and the opening (EINVAL: id maps and network
 * tables ask for its namespaces then), or between that and the reading.
 */
export function isProcessGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EINVAL'].includes(errnoOf(error) ?? '');
}

/** What failed first, then what failed while that was cleaned up: `using` makes a SuppressedError of both. */
export function failuresOf(thrown: unknown): readonly [unknown, ...unknown[]] {
  const wraps = thrown instanceof Error && thrown.name === 'SuppressedError';
  if (!wraps || !('suppressed' in thrown) || !('error' in thrown)) return [thrown];
  return [...failuresOf(thrown.suppressed), ...failuresOf(thrown.error)];
}

import { errnoOf, WarrenError } from './errors.js';

/** True for a system error that says that a file system, or somebody's part of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

/** Where a system error happened, when it says so. */
function placeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { dest, path } = error as { readonly dest?: unknown; readonly path?: unknown };
  return [dest, path].find((place) => typeof place === 'string');
}

/** The error for people of work that met a full disk; `place`: where it writes, unless the cause says it. */
export function diskFull(what: string, place: string, cause: unknown): WarrenError {
  const path = placeOf(cause) ?? place;
  return new WarrenError(
    'exhausted',
    'NO_SPACE',
    `Cannot ${what}: no space is left on the file system of ${path}`,
    { hint: 'Free space there: warren prune and warren image prune do', cause, details: { path } },
  );
}

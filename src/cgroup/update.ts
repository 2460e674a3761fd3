import { errnoOf, WarrenError } from '../base/errors.js';
import type { CgroupFiles, CgroupGroup } from '../host/port.js';
import type { LimitController } from './controllers.js';
import type { Setting } from './settings/setting.js';

/** A value to write, and the one to write back when a later write fails. */
export interface Change {
  readonly setting: Setting;
  readonly value: string;
  readonly earlier: string;
}

/** The value that stands for "no limit"; asked for settings whose reset is the parent's value. */
export type ResetOf = (setting: Setting) => string;

function identity(setting: Setting): string {
  return `${setting.file} ${setting.key}`;
}

/** A bound as a number; whatever is not one (`max`, -1) is no bound. */
function bound(value: string): number {
  const number = Number.parseInt(value, 10);
  return Number.isNaN(number) || number < 0 ? Infinity : number;
}

/**
 * Puts the two values of a pair, of which one may never exceed the other, in the order in which that
 * holds in between: the outer one first when it grows, the inner one first otherwise.
 */
function inSafeOrder(changes: readonly Change[]): Change[] {
  const ordered = [...changes];
  for (const inner of changes) {
    const outer = ordered.find(({ setting }) => setting.file === inner.setting.within);
    if (outer === undefined) continue;
    const places = [ordered.indexOf(inner), ordered.indexOf(outer)];
    const grows = bound(outer.value) > bound(outer.earlier);
    ordered[Math.min(...places)] = grows ? outer : inner;
    ordered[Math.max(...places)] = grows ? inner : outer;
  }
  return ordered;
}

/** What has to be written to get from one set of settings to another. */
export function changesBetween(
  before: readonly Setting[],
  after: readonly Setting[],
  resetOf: ResetOf,
): Change[] {
  const earlier = new Map(before.map((setting) => [identity(setting), setting]));
  const later = new Map(after.map((setting) => [identity(setting), setting]));
  const written = after.map((setting): Change => {
    const old = earlier.get(identity(setting));
    return { setting, value: setting.value, earlier: old?.value ?? resetOf(setting) };
  });
  const removed = before
    .filter((setting) => !later.has(identity(setting)))
    .map((setting): Change => ({ setting, value: resetOf(setting), earlier: setting.value }));
  return inSafeOrder([...removed, ...written].filter(({ value, earlier: old }) => value !== old));
}

interface FailedWrite {
  readonly path: string;
  readonly change: Change;
  readonly error: unknown;
  /** Of writing the earlier values back. */
  readonly undoError?: unknown;
}

/** The error of a write that failed, with what was attempted. */
function writeError({ path, change, error, undoError }: FailedWrite): WarrenError {
  const { setting, value } = change;
  const errno = errnoOf(error) ?? '';
  const cause = undoError === undefined ? error : new AggregateError([error, undoError]);
  const options = { cause, details: { file: setting.file, value, errno } };
  const attempted = `Cannot set ${setting.limit} of ${path} to ${value}`;
  switch (errno) {
    case 'EBUSY':
      return new WarrenError('conflict', 'LIMIT_BELOW_USAGE', `${attempted}: more is in use`, {
        ...options,
        hint: 'Free memory in the container first, or choose a higher limit',
      });
    case 'EINVAL':
    case 'ENOSPC':
    case 'ERANGE': {
      const message = `${attempted}: the kernel refuses the value`;
      return new WarrenError('invalidArgument', 'LIMIT_REFUSED', message, options);
    }
    case 'ENOENT':
    case 'ENODEV': {
      const message = `${attempted}: the container has ended`;
      return new WarrenError('notFound', 'NO_CGROUP', message, options);
    }
    default: {
      const message = `${attempted}: ${error instanceof Error ? error.message : String(error)}`;
      return new WarrenError('internal', 'CGROUP_WRITE', message, options);
    }
  }
}

export interface ApplyRequest {
  readonly files: CgroupFiles;
  readonly path: string;
  readonly changes: readonly Change[];
  readonly groupOf: (controller: LimitController) => CgroupGroup;
}

/** Writes the earlier values back, newest first; throws after all when some could not be written. */
function writeBack({ files, groupOf }: ApplyRequest, done: readonly Change[]): void {
  const errors: unknown[] = [];
  for (const { setting, earlier } of [...done].reverse()) {
    try {
      files.write(groupOf(setting.controller), setting.file, earlier);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'Cannot restore the earlier limits');
}

/**
 * Writes the changes; when one fails, writes the earlier values back and throws.
 * @returns a function that writes the earlier values back
 */
export function applyChanges(request: ApplyRequest): () => void {
  const { files, path, changes, groupOf } = request;
  for (const [index, change] of changes.entries()) {
    const { setting, value } = change;
    try {
      files.write(groupOf(setting.controller), setting.file, value);
    } catch (error) {
      const failure = { path, change, error };
      try {
        writeBack(request, changes.slice(0, index));
      } catch (undoError) {
        throw writeError({ ...failure, undoError });
      }
      throw writeError(failure);
    }
  }
  return () => {
    writeBack(request, changes);
  };
}

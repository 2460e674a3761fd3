import { diskFull, isDiskFull } from '../base/disk-full.js';

interface Described {
  /** What the operations work on: `image`. */
  readonly noun: string;
  /** Where they write. */
  readonly dataRoot: string;
}

type Operation = (...args: readonly unknown[]) => unknown;

/** `buildBase` → `build base` */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/**
 * The same operations, whose promises are rejected with a typed error when a disk is full: that can come from any write,
 * and is no fault of the program.
 */
export function withTypedErrors<T extends object>(operations: T, described: Described): T {
  const typed = Object.entries(operations).map(([name, operation]: [string, unknown]) => {
    if (typeof operation !== 'function') return [name, operation] as const;
    const wrapped: Operation = (...args) => {
      const result = (operation as Operation)(...args);
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        if (!isDiskFull(error)) throw error;
        throw diskFull(`finish ${described.noun} ${words(name)}`, described.dataRoot, error);
      });
    };
    return [name, wrapped] as const;
  });
  return Object.fromEntries(typed) as T;
}

import { release } from 'node:os';
import { describe, test } from 'vitest';

/** Something that a suite needs from the machine. The reason is shown when it is missing. */
export interface Requirement {
  readonly met: boolean;
  /** For the reader of the report: `requires root`. */
  readonly reason: string;
}

export const root: Requirement = { met: process.getuid?.() === 0, reason: 'requires root' };

/** True from that release of the kernel on. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** That release of the kernel, or a later one. */
export function kernel(major: number, minor: number): Requirement {
  return { met: kernelIsAtLeast(major, minor), reason: `requires kernel ${major}.${minor}` };
}

/**
 * Declares a suite that runs only when the requirement is met. Otherwise one skipped test with the
 * reason stands for it, and neither its hooks nor its tests run. With CI set, a skip whose reason
 * is not in `tests/setup/skip-reporter.ts` fails the run.
 */
export function describeWith(requirement: Requirement, title: string, body: () => void): void {
  if (requirement.met) {
    describe(title, body);
    return;
  }
  describe(title, () => {
    test('is skipped', (context) => {
      context.skip(requirement.reason);
    });
  });
}

/** A suite that needs root. */
export function describeAsRoot(title: string, body: () => void): void {
  describeWith(root, title, body);
}

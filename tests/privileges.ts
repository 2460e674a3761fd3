import { describe, test } from 'vitest';

/** Something that a suite needs from the machine. The reason is shown when it is missing. */
export interface Requirement {
  readonly met: boolean;
  /** For the reader of the report: `requires root`. */
  readonly reason: string;
}

export const root: Requirement = { met: process.getuid?.() === 0, reason: 'requires root' };

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

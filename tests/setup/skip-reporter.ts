import type { Reporter, TestModule } from 'vitest/node';

/**
 * The reasons for which a test may be skipped in CI: what the machines of CI cannot provide. A test
 * that they can run and that is skipped nevertheless would hide a failure.
 */
const allowedReasons: readonly RegExp[] = [
  /^requires KVM$/,
  /^requires AppArmor$/,
  /^requires XFS quota$/,
  /^requires CAP_SYS_RESOURCE$/,
  /^requires a pure cgroup v2 host$/,
  /^requires cgroup v1 controllers$/,
  /^requires kernel [0-9.]+$/,
  /^requires the controllers? [a-z, ]+$/,
];

interface Skip {
  readonly test: string;
  readonly reason: string;
}

function skippedTests(modules: readonly TestModule[]): Skip[] {
  const skips: Skip[] = [];
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state !== 'skipped') continue;
      skips.push({
        test: `${module.relativeModuleId} > ${test.fullName}`,
        reason: result.note ?? 'no reason given',
      });
    }
  }
  return skips;
}

/** Fails a run of CI in which a test was skipped for a reason that is not allowed there. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    if (process.env['CI'] !== 'true') return;
    const refused = skippedTests(modules).filter(
      ({ reason }) => !allowedReasons.some((allowed) => allowed.test(reason)),
    );
    if (refused.length === 0) return;
    for (const { test, reason } of refused) {
      process.stderr.write(`Skipped in CI: ${test} (${reason})\n`);
    }
    process.exitCode = 1;
  }
}

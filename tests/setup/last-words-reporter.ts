import type { Reporter, TestModule } from 'vitest/node';

/**
 * Names what failed once more as the very last thing: who only sees the end of a long output (after the residue check of every
 * project) still learns which tests they were.
 */
export default class LastWordsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const failed = modules.flatMap(failuresOf);
    if (failed.length === 0) return;
    process.once('exit', () => process.stderr.write(`Failed:\n  ${failed.join('\n  ')}\n`));
  }
}

function failuresOf(module: TestModule): readonly string[] {
  const ofModule = module
    .errors()
    .map(({ message }) => `${module.relativeModuleId}: ${firstLine(message)}`);
  const ofTests = [...module.children.allTests('failed')].map((test) => {
    const why = firstLine(test.result().errors?.[0]?.message ?? '');
    return `${module.relativeModuleId} > ${test.fullName}: ${why}`;
  });
  return [...ofModule, ...ofTests];
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

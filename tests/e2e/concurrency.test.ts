import { expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

const atOnce = 200;

describeAsRoot('many programs at once', () => {
  test(`${atOnce} times warren run --rm, started together, all succeed`, async () => {
    await using cli = new TestCli();
    await cli.output('image', 'build-base', 'tiny');
    const results = await Promise.all(
      Array.from({ length: atOnce }, (_, index) =>
        cli.run(['run', '--rm', 'tiny', 'echo', String(index)]),
      ),
    );
    const wrong = results.filter(
      ({ code, stdout }, index) => code !== 0 || stdout !== `${index}\n`,
    );
    expect(wrong).toEqual([]);
    expect(await cli.output('ps', '-aq')).toBe('');
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
  }, 300_000);
});

import { expect, test } from 'vitest';
import { failuresOf, isProcessGone, WarrenError } from '../../../src/base/errors.js';

function failing(name: string): Disposable {
  return {
    [Symbol.dispose]: () => {
      throw new Error(name);
    },
  };
}

test('failures of a clean-up come after the one that it cleaned up', () => {
  const original = new WarrenError('canceled', 'CANCELED', 'Cannot launch: it was canceled');
  const work = (): never => {
    using _outer = failing('outer');
    using _inner = failing('inner');
    throw original;
  };
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  const [first, ...later] = failuresOf(thrown);
  expect(first).toBe(original);
  expect(later).toEqual([new Error('inner'), new Error('outer')]);
  expect(failuresOf(original)).toEqual([original]);
});

test.each(['ENOENT', 'ESRCH', 'EINVAL'])(
  '%s of a file of proc says that its process has ended',
  (code) => {
    expect(isProcessGone(Object.assign(new Error('open /proc/1/uid_map'), { code }))).toBe(true);
    expect(
      isProcessGone(Object.assign(new Error('open /proc/1/uid_map'), { code: 'EACCES' })),
    ).toBe(false);
  },
);

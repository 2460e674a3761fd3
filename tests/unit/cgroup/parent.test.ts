import { expect, test } from 'vitest';
import { chooseParent } from '../../../src/cgroup/parent.js';

test('without a wish it is warren, on a host and in a cgroup namespace', () => {
  expect(chooseParent({ initMembership: '0::/init.scope\n', insideContainer: true })).toBe(
    'warren',
  );
  expect(chooseParent({ initMembership: '4:memory:/\n0::/\n', insideContainer: true })).toBe(
    'warren',
  );
});

test('inside a container that sees the whole tree it is below the own group', () => {
  expect(chooseParent({ initMembership: '0::/docker/abc\n', insideContainer: true })).toBe(
    'docker/abc/warren',
  );
  expect(chooseParent({ initMembership: '0::/init\n', insideContainer: false })).toBe('warren');
});

test('a wish counts, with or without a slash', () => {
  expect(
    chooseParent({ requested: '/batch/night', initMembership: '', insideContainer: false }),
  ).toBe('batch/night');
  expect(chooseParent({ requested: 'batch', initMembership: '', insideContainer: false })).toBe(
    'batch',
  );
});

test.each(['/', '..', '/a/../../b'])('%s is refused', (requested) => {
  expect(() => chooseParent({ requested, initMembership: '', insideContainer: false })).toThrow(
    /must name a group below/,
  );
});

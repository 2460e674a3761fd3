import { expect, test } from 'vitest';
import { chooseParent } from '../../../src/cgroup/parent.js';

const plain = { systemd: false, name: 'warren' };

test('without a wish it is warren, on a host and in a cgroup namespace', () => {
  expect(
    chooseParent({ initMembership: '0::/init.scope\n', insideContainer: true, ...plain }),
  ).toBe('warren');
  expect(
    chooseParent({ initMembership: '4:memory:/\n0::/\n', insideContainer: true, ...plain }),
  ).toBe('warren');
});

test('inside a container that sees the whole tree it is below the own group', () => {
  expect(
    chooseParent({ initMembership: '0::/docker/abc\n', insideContainer: true, ...plain }),
  ).toBe('docker/abc/warren');
  expect(chooseParent({ initMembership: '0::/init\n', insideContainer: false, ...plain })).toBe(
    'warren',
  );
});

test('a wish counts, with or without a slash', () => {
  expect(
    chooseParent({
      requested: '/batch/night',
      initMembership: '',
      insideContainer: false,
      ...plain,
    }),
  ).toBe('batch/night');
  expect(
    chooseParent({ requested: 'batch', initMembership: '', insideContainer: false, ...plain }),
  ).toBe('batch');
});

test.each(['/', '..', '/a/../../b'])('%s is refused', (requested) => {
  expect(() =>
    chooseParent({ requested, initMembership: '', insideContainer: false, ...plain }),
  ).toThrow(/must name a group below/);
});

test('under systemd it is a scope, unless there is a wish', () => {
  const booted = { initMembership: '0::/init.scope\n', insideContainer: false, systemd: true };
  expect(chooseParent({ ...booted, name: 'warren' })).toBe('machine.slice/warren.scope');
  expect(chooseParent({ ...booted, insideContainer: true, name: 'warren-0123abcd' })).toBe(
    'machine.slice/warren-0123abcd.scope',
  );
  expect(chooseParent({ ...booted, name: 'warren', requested: 'batch' })).toBe('batch');
});

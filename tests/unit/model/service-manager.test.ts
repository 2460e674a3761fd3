import { describe, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { normalizeConfig } from '../../../src/model/normalize-config.js';
import { parseSignal } from '../../../src/model/signals.js';
import { emptyImage } from '../../fixtures/image.js';

const base: ContainerConfig = { image: 'debian', command: ['/sbin/init'] };
const halt = parseSignal('SIGRTMIN+3');

function specOf(config: Partial<ContainerConfig>, stopSignal = '') {
  const image = { ...emptyImage, config: { ...emptyImage.config, stopSignal } };
  return normalizeConfig({ ...base, ...config }, image);
}

describe('a container is prepared for systemd', () => {
  test.each<[string, string[], boolean]>([
    ['/sbin/init', ['/sbin/init'], true],
    ['/usr/sbin/init with an argument', ['/usr/sbin/init', '--log-level=debug'], true],
    ['/lib/systemd/systemd', ['/lib/systemd/systemd'], true],
    ['systemd', ['systemd'], true],
    ['a shell', ['sh'], false],
    ['a program that only starts like it', ['/usr/bin/systemd-run'], false],
    ['an init of its own', ['/app/init'], false],
  ])('when its command is %s: as that says', (_, command, prepared) => {
    expect(specOf({ command }).systemd).toBe(prepared);
  });

  test('when its entrypoint is systemd', () => {
    expect(specOf({ entrypoint: ['/sbin/init'], command: ['3'] }).systemd).toBe(true);
    expect(specOf({ entrypoint: ['/entry'], command: ['/sbin/init'] }).systemd).toBe(false);
  });

  test('always or never, when that is asked for', () => {
    expect(specOf({ systemd: 'always', command: ['/entry'] }).systemd).toBe(true);
    expect(specOf({ systemd: false }).systemd).toBe(false);
  });
});

describe('what it is given', () => {
  test('tmpfs on /run, /run/lock and /tmp, and the signal that halts systemd', () => {
    const spec = specOf({});
    expect(spec.mounts).toMatchObject([
      { type: 'tmpfs', target: '/run', mode: 0o755, noexec: false },
      { type: 'tmpfs', target: '/run/lock', mode: 0o1777 },
      { type: 'tmpfs', target: '/tmp', mode: 0o1777, noexec: false },
    ]);
    expect(spec.stopSignal).toBe(halt);
  });

  test('not where something else is mounted, and not another signal than the one asked for', () => {
    const mount = { type: 'bind', source: '/srv', target: '/tmp/' } as const;
    const spec = specOf({ mounts: [mount], stopSignal: 'SIGPWR' });
    expect(spec.mounts.map(({ type, target }) => `${type} ${target}`)).toEqual([
      'bind /tmp',
      'tmpfs /run',
      'tmpfs /run/lock',
    ]);
    expect(spec.stopSignal).toBe(parseSignal('SIGPWR'));
    expect(specOf({}, 'SIGINT').stopSignal).toBe(parseSignal('SIGINT'));
  });

  test('nothing of it without systemd', () => {
    const spec = specOf({ systemd: false });
    expect([spec.mounts, spec.stopSignal]).toEqual([[], parseSignal('SIGTERM')]);
  });
});

describe('what forbids it', () => {
  const obstacles: [string, Partial<ContainerConfig>, string][] = [
    ['warren-init as PID 1', { init: true }, 'warren-init would be PID 1'],
    ['the host’s processes', { pid: 'host' }, 'needs a PID namespace of its own'],
    ['the host’s cgroups', { cgroupns: 'host' }, 'needs a cgroup namespace of its own'],
    ['the host’s ids', { userns: 'host' }, 'the container could raise its limits'],
  ];

  test.each(obstacles)('%s: refused when asked for', (_, config, message) => {
    expect(() => specOf({ ...config, systemd: 'always' })).toThrow(message);
  });

  test.each(obstacles)('%s: not detected', (_, config) => {
    expect(specOf(config).systemd).toBe(false);
  });

  test('not the host’s ids of a privileged container, which may do anything', () => {
    expect(specOf({ userns: 'host', privileged: true, systemd: 'always' }).systemd).toBe(true);
  });

  test('a word that nobody knows', () => {
    expect(() => specOf({ systemd: 'often' as 'always' })).toThrow(
      '"often" is not one of true, false, always',
    );
  });
});

import { describe, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import type { ImageConfig } from '../../../src/model/image.js';
import { normalizeConfig } from '../../../src/model/normalize-config.js';
import { emptyImage } from '../../fixtures/image.js';

function image(config: Partial<ImageConfig> = {}): typeof emptyImage {
  return { ...emptyImage, config: { ...emptyImage.config, ...config } };
}

const base: ContainerConfig = { image: 'tiny', command: ['true'] };

describe('command and entrypoint', () => {
  const withBoth = image({ entrypoint: ['/init'], command: ['serve'] });

  test.each<[string, Partial<ContainerConfig>, [string[], string[]]]>([
    ['nothing: both of the image', { command: [] }, [['/init'], ['serve']]],
    ['a command: with the image’s entrypoint', { command: ['a', 'b'] }, [['/init'], ['a', 'b']]],
    ['an entrypoint: drops the image’s command', { command: [], entrypoint: ['sh'] }, [['sh'], []]],
    ['an entrypoint and a command', { command: ['-c'], entrypoint: ['sh'] }, [['sh'], ['-c']]],
    ['an empty entrypoint clears it', { command: ['ls'], entrypoint: [] }, [[], ['ls']]],
    ['an entrypoint of "" clears it', { command: ['ls'], entrypoint: [''] }, [[], ['ls']]],
  ])('%s', (_, config, expected) => {
    const spec = normalizeConfig({ ...base, ...config }, withBoth);
    expect([spec.entrypoint, spec.command]).toEqual(expected);
  });

  test('no program at all is refused', () => {
    expect(() => normalizeConfig({ image: 'tiny' }, image())).toThrow('Invalid command');
  });
});

describe('environment', () => {
  test('the config’s variables replace the image’s in place; a bare name removes one', () => {
    const spec = normalizeConfig(
      { ...base, env: ['B=2', 'C', 'D=4'] },
      image({ env: ['A=1', 'B=1', 'C=1'] }),
    );
    expect(spec.env.slice(1)).toEqual(['A=1', 'B=2', 'D=4']);
    expect(spec.env[0]).toMatch(/^PATH=/);
  });

  test('an object is as good as a list, and an own PATH replaces the default', () => {
    const spec = normalizeConfig({ ...base, env: { PATH: '/bin', A: 'x=y' } }, image());
    expect(spec.env).toEqual(['PATH=/bin', 'A=x=y']);
  });
});

describe('mounts', () => {
  test('the image’s volumes become anonymous ones where nothing else is mounted', () => {
    const spec = normalizeConfig(
      { ...base, mounts: [{ type: 'bind', source: '/srv', target: '/data/' }] },
      image({ volumes: ['/data', '/cache'] }),
    );
    expect(spec.mounts).toEqual([
      {
        type: 'bind',
        source: '/srv',
        target: '/data',
        readOnly: false,
        propagation: 'rprivate',
        createSource: false,
        idmap: false,
        recursive: true,
      },
      { type: 'volume', source: '', target: '/cache' },
    ]);
  });

  test('a tmpfs takes half of the memory limit', () => {
    const spec = normalizeConfig(
      { ...base, resources: { memoryBytes: 2 ** 20 }, mounts: [{ type: 'tmpfs', target: '/x' }] },
      image(),
    );
    expect(spec.mounts[0]).toMatchObject({ sizeBytes: 2 ** 19, mode: 0o1777, noexec: true });
  });
});

describe('health', () => {
  const check = {
    test: ['probe'],
    shell: true,
    intervalMs: 1000,
    timeoutMs: 2000,
    retries: 2,
    startPeriodMs: 0,
    startIntervalMs: 5000,
  };

  test('comes from the image, can be switched off and changed in parts', () => {
    const healthy = image({ health: check });
    expect(normalizeConfig(base, healthy).health).toEqual(check);
    expect(normalizeConfig({ ...base, health: false }, healthy).health).toBeNull();
    expect(normalizeConfig({ ...base, health: { retries: 9 } }, healthy).health).toEqual({
      ...check,
      retries: 9,
    });
  });

  test('a check without a command is refused', () => {
    expect(() => normalizeConfig({ ...base, health: { retries: 1 } }, image())).toThrow(
      'Invalid health check',
    );
  });
});

test('labels, user, working directory and stop signal come from the image unless they are given', () => {
  const given = image({
    labels: { a: '1', b: '1' },
    user: 'app',
    workingDir: '/srv/',
    stopSignal: 'SIGINT',
  });
  const spec = normalizeConfig({ ...base, labels: { b: '2' } }, given);
  expect(spec).toMatchObject({
    labels: { a: '1', b: '2' },
    user: 'app',
    workingDir: '/srv',
    stopSignal: 2,
  });
  const own = normalizeConfig({ ...base, user: '0', workingDir: '/', stopSignal: '15' }, given);
  expect(own).toMatchObject({ user: '0', workingDir: '/', stopSignal: 15 });
});

test('privileged lifts seccomp and the masks unless they are asked for', () => {
  const spec = normalizeConfig({ ...base, privileged: true }, image());
  expect(spec.security).toEqual({ seccomp: 'unconfined', systemPathsUnconfined: true });
  const kept = normalizeConfig(
    { ...base, privileged: true, security: { seccomp: 'default' } },
    image(),
  );
  expect(kept.security.seccomp).toBe('default');
});

test('the result is frozen to its leaves and the config is left as it was', () => {
  const config = { ...base, resources: { memoryBytes: 2 ** 20 } };
  const spec = normalizeConfig(config, image());
  expect(Object.isFrozen(spec)).toBe(true);
  expect(Object.isFrozen(spec.resources)).toBe(true);
  expect(Object.isFrozen(config.resources)).toBe(false);
});

describe('validation names the field and the rule', () => {
  test.each<[Partial<ContainerConfig>, string]>([
    [
      { resources: { memoryBytes: 1000 } },
      'Invalid resources.memoryBytes: must be at least 524288',
    ],
    [{ resources: { memorySwapBytes: 2 ** 21 } }, 'needs a memory limit'],
    [{ resources: { memoryBytes: 2 ** 21, memorySwapBytes: 2 ** 20 } }, 'must not be below'],
    [{ resources: { cpus: 0 } }, 'Invalid resources.cpus: must be at least 0.01'],
    [{ resources: { cpus: 1, cpuQuotaUs: 1000 } }, 'conflicts with cpuQuotaUs'],
    [{ resources: { cpusetCpus: 'all' } }, 'not a list such as 0-3,5'],
    [{ resources: { pidsLimit: 0 } }, 'must be at least 1 or -1'],
    [{ resources: { blkioWeight: 5 } }, 'from 10 to 1000'],
    [{ ulimits: [{ name: 'nofile', soft: 10, hard: 5 }] }, 'is above the hard limit'],
    [{ workingDir: 'srv' }, 'not an absolute path'],
    [{ user: 'a:b:c' }, 'not user[:group]'],
    [{ hostname: '-x' }, 'Invalid hostname'],
    [{ uts: 'host', hostname: 'x' }, 'conflicts with the host'],
    [{ capAdd: ['SYS_NONSENSE'] }, 'unknown capability "SYS_NONSENSE"'],
    [{ mounts: [{ type: 'bind', source: 'rel', target: '/x' }] }, 'not an absolute path'],
    [{ mounts: [{ type: 'tmpfs', target: '/' }] }, 'nothing can be mounted over "/"'],
    [
      {
        mounts: [
          { type: 'tmpfs', target: '/x' },
          { type: 'tmpfs', target: '/x/' },
        ],
      },
      'duplicate mount point: /x',
    ],
    [{ mounts: [{ type: 'volume', source: 'a/b', target: '/x' }] }, 'Invalid volume name (a/b)'],
    [{ restart: { name: 'always' }, autoRemove: true }, 'conflicts with autoRemove'],
    [
      { restart: { name: 'always', maximumRetryCount: 3 } },
      'only be used with the policy on-failure',
    ],
    [{ sysctls: { 'kernel.panic': '1' } }, 'only sysctls of an own namespace'],
    [
      { sysctls: { 'net.ipv4.ip_forward': '1' }, network: 'host' },
      'conflicts with the host’s network',
    ],
    [{ pid: 'bridge' as 'host' }, 'not one of private, host, container:NAME'],
    [{ network: 'container:a', pid: 'container:b' }, 'cannot be joined by one container'],
    [
      { devices: [{ hostPath: '/dev/x', containerPath: '/etc/x', permissions: 'r' }] },
      'not below /dev',
    ],
    [{ env: ['=x'] }, 'has no name'],
    [{ cgroupParent: '../x' }, 'Invalid cgroupParent'],
    [{ security: { seccomp: { profile: '{' } } }, 'not JSON'],
    [{ stopSignal: 'SIGNONSENSE' }, 'Invalid signal'],
    [{ command: ['a\0b'] }, 'must not contain a NUL byte'],
  ])('%j', (config, message) => {
    expect(() => normalizeConfig({ ...base, ...config }, image())).toThrow(message);
  });
});

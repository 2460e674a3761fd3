import { describe, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../../src/model/container-config.js';
import { compileLaunch } from '../../../../src/spec/plan/compile-launch.js';
import { describeSupervise } from '../../../../src/spec/plan/supervise.js';
import { runtimeSpec } from '../../../../src/spec/runtime-spec.js';
import { id, launchInput, record } from '../fixture.js';
import { named, one, operations, order } from './operations-of.js';

describe('mounts', () => {
  const mounts: ContainerConfig['mounts'] = [
    { type: 'bind', source: '/srv/data', target: '/data/deep', readOnly: true },
    {
      type: 'bind',
      source: '/srv/new',
      target: '/data',
      createSource: true,
      idmap: true,
      recursive: false,
    },
    { type: 'volume', source: 'db', target: '/var/lib/db' },
    { type: 'tmpfs', target: '/run', sizeBytes: 4096, noexec: false },
  ];
  const changes = {
    record: {
      ...record({ mounts }),
      volumes: [{ target: '/var/lib/db', name: 'db', anonymous: false }],
    },
  };
  const list = operations({}, changes);

  test('are attached parents first, volumes id-mapped from the store', () => {
    const binds = named('BIND', list).filter(({ fields }) => fields['kind'] !== 'shared');
    expect(
      binds.map(({ fields, flags }) => [
        fields['target'],
        fields['kind'],
        fields['source'],
        flags,
        fields['attributes'],
      ]),
    ).toEqual([
      ['/data', 'host', '/srv/new', ['idmapped', 'make-source'], []],
      ['/etc/hosts', 'store', `containers/${id}/hosts`, ['recursive', 'idmapped'], []],
      ['/data/deep', 'host', '/srv/data', ['recursive'], ['readOnly']],
      ['/var/lib/db', 'store', 'volumes/db/_data', ['recursive', 'idmapped'], []],
    ]);
  });

  test('of tmpfs are bounded', () => {
    const run = named('MOUNT', list).find(({ fields }) => fields['target'] === '/run');
    expect(run?.fields).toMatchObject({
      type: 'tmpfs',
      options: ['mode=1777', 'size=4096'],
      attributes: ['noSuid', 'noDev'],
    });
  });

  test('of the user replace the defaults', () => {
    const own = operations({ mounts: [{ type: 'tmpfs', target: '/dev/shm', sizeBytes: 8192 }] });
    expect(
      named('MOUNT', own).filter(({ fields }) => fields['target'] === '/dev/shm'),
    ).toHaveLength(1);
    const dev = operations({ mounts: [{ type: 'bind', source: '/dev', target: '/dev' }] });
    expect(named('MOUNT', dev).map(({ fields }) => fields['target'])).toEqual([
      '/proc',
      '/sys/fs/cgroup',
    ]);
  });

  test('leave out /dev/shm and devpts when asked', () => {
    const targets = named('MOUNT', operations({ shmSizeBytes: 0, pty: false })).map(
      ({ fields }) => fields['target'],
    );
    expect(targets).toEqual(['/proc', '/sys/fs/cgroup', '/dev/mqueue']);
  });

  test('of devices bring an own /dev whose nodes belong to the container', () => {
    const devices = [
      { path: '/dev/fuse', kind: 'c' as const, major: 10, minor: 229, mode: 0o20666 },
    ];
    const own = operations({}, { devices });
    expect(one('DEV_TREE', own).fields['nodes']).toEqual([
      {
        name: 'fuse',
        kind: 'c',
        major: 10,
        minor: 229,
        mode: '0666',
        uid: 0,
        gid: 0,
      },
    ]);
    expect(named('BIND', own).map(({ fields }) => fields['source'])).not.toContain('dev');
  });

  test('have a writable cgroup tree under a service manager', () => {
    const list = operations({ command: ['/sbin/init'] });
    const cgroups = named('MOUNT', list).find(({ fields }) => fields['type'] === 'cgroup2');
    expect(cgroups?.fields['attributes']).not.toContain('readOnly');
    expect(one('ENVIRONMENT', list).fields['entries']).toContain('container=warren');
  });

  test('have no place for a terminal that a service manager would log in on', () => {
    const command = ['/sbin/init'];
    const dev = one('DEV_TREE', operations({ command }));
    expect([dev.flags, dev.fields]).toEqual([['no-console'], { nodes: [] }]);
    expect(order(operations({ command, tty: true }))).not.toContain('DEV_TREE');
  });

  test('go with the group handed to the container’s root before anything enters it', () => {
    const group = { hierarchy: 0, path: `warren/${id}` };
    const cgroups = { ...launchInput().cgroups, owner: { group, uid: 1_000_000, gid: 1_000_001 } };
    const list = operations({ command: ['/sbin/init'] }, { cgroups });
    expect(one('CGROUP_OWNER', list).fields).toEqual({ ...group, uid: 1_000_000, gid: 1_000_001 });
    const names = order(list);
    expect(names.indexOf('CGROUP_MAKE')).toBeLessThan(names.indexOf('CGROUP_OWNER'));
    expect(names.indexOf('CGROUP_OWNER')).toBeLessThan(names.indexOf('CGROUP_JOIN'));
    expect(order(operations())).not.toContain('CGROUP_OWNER');
  });

  test('are without cgroup2 where the host has none', () => {
    const facts = { ...launchInput().facts, cgroupVersion: 'v1' as const };
    expect(
      named('MOUNT', operations({}, { facts })).map(({ fields }) => fields['type']),
    ).not.toContain('cgroup2');
  });
});

describe('the rest of a config', () => {
  test('reaches the plan', () => {
    const list = operations({
      command: ['/bin/app', '-v'],
      readOnly: true,
      init: true,
      oomScoreAdj: 500,
      workingDir: '/srv',
      domainname: 'example.org',
      hostname: 'db',
      tty: true,
      sysctls: { 'net.core.somaxconn': '128' },
      ulimits: [
        { name: 'nofile', soft: 100, hard: 200 },
        { name: 'core', soft: -1, hard: -1 },
      ],
    });
    expect(one('EXEC', list)).toMatchObject({
      flags: ['init'],
      fields: { candidates: [], argv: ['warren-init', '--', '/bin/app', '-v'] },
    });
    expect(order(list)).toContain('ROOT_READONLY');
    expect(one('OOM_SCORE', list).fields).toEqual({ score: 500 });
    expect(one('WORKDIR', list)).toMatchObject({ flags: ['create'], fields: { path: '/srv' } });
    expect(one('HOSTNAME', list).fields).toEqual({ hostname: 'db', domainname: 'example.org' });
    expect(one('ENVIRONMENT', list).fields['entries']).toContain('TERM=xterm');
    expect(named('SYSCTL', list).map(({ fields }) => fields['name'])).toContain(
      'net.core.somaxconn',
    );
    expect(named('RLIMIT', list).map(({ fields }) => fields)).toEqual([
      { resource: 7, soft: 100, hard: 200 },
      { resource: 4, soft: 'unlimited', hard: 'unlimited' },
    ]);
  });

  test('puts a volatile writable layer in memory', () => {
    const list = operations(
      { volatile: true, volatileSizeBytes: 1 << 20 },
      { writableLayer: null },
    );
    expect(one('OVERLAY', list).fields).toMatchObject({
      upper: '',
      work: '',
      tmpfsBytes: 1 << 20,
      volatile: true,
    });
  });

  test('goes into the supervise section', () => {
    const input = launchInput(
      {
        tty: true,
        stopTimeoutMs: -1,
        restart: { name: 'on-failure', maximumRetryCount: 3 },
        lease: { ttlMs: 1000, idleTimeoutMs: 500 },
        health: { test: ['true'], intervalMs: 1000 },
        log: { maxBytes: 0 },
      },
      {
        healthPlan: new Uint8Array(7),
        generation: 4,
        user: { uid: 5, gid: 6, groups: [], home: '/' },
      },
    );
    expect(describeSupervise(compileLaunch(runtimeSpec(input), input).supervise)).toEqual({
      container: id,
      generation: 4,
      cgroups: [{ hierarchy: 0, path: `warren/${id}` }],
      tty: true,
      stdinOpen: false,
      stdinOnce: false,
      stdio: { uid: 1_000_005, gid: 1_000_006 },
      log: {
        driver: 'file',
        path: `/data/containers/${id}/log/output.log`,
        maxBytes: 0,
        maxFiles: 3,
      },
      stop: { signal: 15, timeoutMs: 315_360_000_000 },
      lease: { ttlMs: 1000, idleMs: 500 },
      restart: { policy: 'on-failure', maximumRetries: 3, count: 0 },
      health: {
        intervalMs: 1000,
        timeoutMs: 30_000,
        retries: 3,
        startPeriodMs: 0,
        startIntervalMs: 5000,
        planBytes: 7,
      },
      engineOnExit: false,
    });
  });

  test.each<[string, Partial<ContainerConfig>]>([
    ["the host's processes in an own user namespace", { pid: 'host' }],
    ['a terminal without devpts', { tty: true, pty: false }],
    ['a mount over /proc', { mounts: [{ type: 'tmpfs', target: '/proc/sys' }] }],
    ["an own sysfs of the host's network", { sysfs: 'own', network: 'host' }],
    [
      'shared propagation out of an own user namespace',
      { mounts: [{ type: 'bind', source: '/a', target: '/a', propagation: 'rshared' }] },
    ],
  ])('is refused with %s', (_, config) => {
    expect(() => operations(config)).toThrow(/^Cannot start container web: /);
  });
});

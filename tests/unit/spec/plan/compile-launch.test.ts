import { describe, expect, test } from 'vitest';
import { compileLaunch } from '../../../../src/spec/plan/compile-launch.js';
import { runtimeSpec } from '../../../../src/spec/runtime-spec.js';
import { id, launchInput } from '../fixture.js';
import { named, one, operations, order } from './operations-of.js';

describe('the plan of a container with the defaults', () => {
  const list = operations();

  test('has its operations in the order of the rules', () => {
    const runs = order(list).filter((name, index, all) => name !== all[index - 1]);
    expect(runs).toEqual([
      'CGROUP_MAKE',
      'CGROUP_WRITE',
      'CGROUP_JOIN',
      'NAMESPACES',
      'IDMAP',
      'OVERLAY',
      'BIND',
      'HOSTNAME',
      'LOOPBACK_UP',
      'MOUNT',
      'KEYRING',
      'SYSCTL',
      'MASK',
      'READONLY',
      'WORKDIR',
      'ENVIRONMENT',
      'CREDENTIALS',
      'SECCOMP',
      'CAPABILITIES',
      'EXEC',
      'CGROUP_REMOVE',
    ]);
    const phases = list.map(({ phase }) =>
      ['host-before', 'host-after', 'child', 'cleanup'].indexOf(phase),
    );
    expect(phases).toEqual([...phases].sort());
  });

  test('makes every namespace anew, with 65,536 ids', () => {
    expect(one('NAMESPACES', list)).toMatchObject({
      flags: [],
      fields: { namespaces: ['mount', 'cgroup', 'uts', 'ipc', 'user', 'pid', 'network'] },
    });
    const range = [{ inside: 0, outside: 1_000_000, count: 65_536 }];
    expect(one('IDMAP', list).fields).toEqual({ uids: range, gids: range });
  });

  test('has the five superblocks of the default and the shared trees', () => {
    expect(
      named('MOUNT', list).map(
        ({ fields }) => `${String(fields['type'])} ${String(fields['target'])}`,
      ),
    ).toEqual([
      'proc /proc',
      'devpts /dev/pts',
      'cgroup2 /sys/fs/cgroup',
      'mqueue /dev/mqueue',
      'tmpfs /dev/shm',
    ]);
    expect(named('BIND', list).map(({ fields }) => fields)).toMatchObject([
      { kind: 'shared', source: 'dev', target: '/dev', attributes: ['noSuid'] },
      {
        kind: 'shared',
        source: 'sys',
        target: '/sys',
        attributes: ['readOnly', 'noSuid', 'noDev', 'noExec'],
      },
      { kind: 'store', source: `containers/${id}/hosts`, target: '/etc/hosts', attributes: [] },
    ]);
  });

  test('mounts with the options that the file systems take', () => {
    const options = Object.fromEntries(
      named('MOUNT', list).map(({ fields }) => [String(fields['target']), fields['options']]),
    ) as Record<string, unknown>;
    expect(options).toEqual({
      '/proc': [],
      '/dev/pts': ['ptmxmode=0666', 'mode=0620', 'gid=5'],
      '/sys/fs/cgroup': [],
      '/dev/mqueue': [],
      '/dev/shm': ['mode=1777', 'size=67108864'],
    });
    const cgroups = named('MOUNT', list).find(({ fields }) => fields['type'] === 'cgroup2');
    expect(cgroups?.fields['attributes']).toContain('readOnly');
  });

  test('has an id-mapped overlay without device nodes', () => {
    expect(one('OVERLAY', list).fields).toEqual({
      strategy: 'probe',
      lower: ['layers/b/fs', 'layers/a/fs'],
      upper: `containers/${id}/upper`,
      work: `containers/${id}/work`,
      tmpfsBytes: 0,
      idmapped: true,
      volatile: false,
      attributes: ['noDev'],
    });
  });

  test("gives root Docker's default capabilities, none of them inheritable", () => {
    const { fields } = one('CAPABILITIES', list);
    expect(fields['bounding']).toEqual([
      'CAP_CHOWN',
      'CAP_DAC_OVERRIDE',
      'CAP_FOWNER',
      'CAP_FSETID',
      'CAP_KILL',
      'CAP_SETGID',
      'CAP_SETUID',
      'CAP_SETPCAP',
      'CAP_NET_BIND_SERVICE',
      'CAP_NET_RAW',
      'CAP_SYS_CHROOT',
      'CAP_MKNOD',
      'CAP_AUDIT_WRITE',
      'CAP_SETFCAP',
    ]);
    expect(fields['permitted']).toEqual(fields['bounding']);
    expect(fields['effective']).toEqual(fields['bounding']);
    expect(fields['inheritable']).toEqual([]);
    expect(fields['ambient']).toEqual([]);
  });

  test('hides and protects what Docker does', () => {
    expect(named('MASK', list).map(({ fields }) => fields['path'])).toContain('/proc/kcore');
    expect(named('READONLY', list).map(({ fields }) => fields['path'])).toEqual([
      '/proc/bus',
      '/proc/fs',
      '/proc/irq',
      '/proc/sys',
      '/proc/sysrq-trigger',
    ]);
  });

  test('looks for the command along the PATH', () => {
    expect(one('EXEC', list)).toMatchObject({
      flags: [],
      fields: {
        candidates: [
          '/usr/local/sbin/sh',
          '/usr/local/bin/sh',
          '/usr/sbin/sh',
          '/usr/bin/sh',
          '/sbin/sh',
          '/bin/sh',
        ],
        argv: ['sh'],
      },
    });
  });

  test('names the host by the id and tells HOME and HOSTNAME', () => {
    expect(one('HOSTNAME', list).fields).toEqual({ hostname: '0123456789ab', domainname: '' });
    expect(one('ENVIRONMENT', list).fields['entries']).toEqual([
      'HOSTNAME=0123456789ab',
      'HOME=/root',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
  });

  test('makes only its own group new and removes what the driver says', () => {
    expect(named('CGROUP_MAKE', list).map(({ flags }) => flags)).toEqual([[], ['new']]);
    expect(named('CGROUP_REMOVE', list).map(({ fields }) => fields)).toEqual([
      { hierarchy: 0, path: `warren/${id}` },
    ]);
  });
});

describe('privileges', () => {
  test('lock mounts when the container has CAP_SYS_ADMIN in its own user namespace', () => {
    expect(one('NAMESPACES', operations({ capAdd: ['SYS_ADMIN'] })).flags).toEqual(['locked']);
    expect(one('NAMESPACES', operations({ capAdd: ['SYS_ADMIN'], userns: 'host' })).flags).toEqual(
      [],
    );
  });

  test('load the filter last with no-new-privileges', () => {
    const list = order(operations({ security: { noNewPrivileges: true } }));
    expect(list.slice(list.indexOf('CREDENTIALS'), list.indexOf('EXEC'))).toEqual([
      'CREDENTIALS',
      'CAPABILITIES',
      'NO_NEW_PRIVILEGES',
      'SECCOMP',
    ]);
  });

  test("have no-new-privileges with the host's user namespace", () => {
    const list = operations({ userns: 'host' });
    expect(order(list)).toContain('NO_NEW_PRIVILEGES');
    expect(order(list)).not.toContain('IDMAP');
    expect(one('OVERLAY', list).fields).toMatchObject({ idmapped: false, attributes: [] });
  });

  test('of a user who is not root are none', () => {
    const list = operations(
      {},
      { user: { uid: 1000, gid: 1000, groups: [10, 20], home: '/home/me' } },
    );
    expect(one('CAPABILITIES', list).fields).toMatchObject({
      effective: [],
      permitted: [],
      ambient: [],
    });
    expect(one('CREDENTIALS', list).fields).toEqual({
      uid: 1000,
      gid: 1000,
      groups: [10, 20],
      umask: '022',
    });
  });

  test('of a privileged container are all, without filter and masks', () => {
    const list = operations({ privileged: true, userns: 'host' });
    expect(one('CAPABILITIES', list).fields['bounding']).toHaveLength(41);
    for (const name of ['SECCOMP', 'MASK', 'READONLY', 'NO_NEW_PRIVILEGES'] as const)
      expect(named(name, list)).toEqual([]);
    const cgroups = named('MOUNT', list).find(({ fields }) => fields['type'] === 'cgroup2');
    expect(cgroups?.fields['attributes']).not.toContain('readOnly');
    expect(named('MOUNT', list).map(({ fields }) => fields['type'])).toContain('sysfs');
  });

  test('can be without a filter, or with one of their own', () => {
    expect(named('SECCOMP', operations({ security: { seccomp: 'unconfined' } }))).toEqual([]);
    const profile = '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]}';
    expect(
      one('SECCOMP', operations({ security: { seccomp: { profile } } })).fields['instructions'],
    ).toBeLessThan(12);
  });
});

describe('namespaces', () => {
  const peer = 'fedcba9876543210'.repeat(4);

  test('of another container are joined together with its user namespace', () => {
    const list = operations({ network: `container:${peer}`, pid: `container:${peer}` });
    expect(one('NAMESPACES', list).fields['namespaces']).toEqual(['mount', 'cgroup', 'uts', 'ipc']);
    expect(one('NAMESPACE_JOIN', list).fields).toEqual({
      namespaces: ['user', 'pid', 'network'],
      container: peer,
    });
    expect(order(list)).not.toContain('IDMAP');
    expect(order(list)).not.toContain('LOOPBACK_UP');
    expect(order(list)).not.toContain('SYSCTL');
  });

  test('of the host are left out', () => {
    const list = operations({ network: 'host', uts: 'host', cgroupns: 'host' });
    expect(one('NAMESPACES', list).fields['namespaces']).toEqual(['mount', 'ipc', 'user', 'pid']);
    expect(order(list)).not.toContain('HOSTNAME');
  });

  test("of the host's IPC bring its directories", () => {
    const binds = named('BIND', operations({ ipc: 'host' })).filter(
      ({ fields }) => fields['kind'] === 'host',
    );
    expect(binds.map(({ fields, flags }) => [fields['target'], flags])).toEqual([
      ['/dev/mqueue', ['recursive', 'optional']],
      ['/dev/shm', ['recursive', 'optional']],
    ]);
  });
});

describe('compiling', () => {
  test('shares between containers of one config what is expensive to make', () => {
    const [first, second] = [launchInput(), launchInput()].map((input) => runtimeSpec(input));
    expect(first?.linux.seccomp).toBe(second?.linux.seccomp);
    expect(first?.process.capabilities?.bounding).toBe(second?.process.capabilities?.bounding);
  });

  test('gives the same bytes whatever was compiled before, and leaves earlier plans alone', () => {
    const [plain, other] = [launchInput(), launchInput({ privileged: true, command: ['other'] })];
    const before = compileLaunch(runtimeSpec(plain), plain);
    const copy = Buffer.from(before.plan);
    compileLaunch(runtimeSpec(other), other);
    expect(Buffer.from(before.plan)).toEqual(copy);
    expect(Buffer.from(compileLaunch(runtimeSpec(plain), plain).plan)).toEqual(copy);
  });
});

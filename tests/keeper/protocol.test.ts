import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import * as netlink from '../../src/host/netlink.js';
import * as plan from '../../src/host/plan-operations.js';
import { keeperPath } from '../../src/host/linux/keeper-path.js';
import * as protocol from '../../src/host/linux/protocol.js';
import type { ContainerConfig } from '../../src/model/container-config.js';
import type { LaunchInput } from '../../src/spec/contract.js';
import { compileExec } from '../../src/spec/plan/compile-exec.js';
import { describePlan } from '../../src/spec/plan/describe-plan.js';
import { compileLaunch } from '../../src/spec/plan/compile-launch.js';
import { runtimeSpec } from '../../src/spec/runtime-spec.js';
import { launchInput, record } from '../unit/spec/fixture.js';

/** group → name → value, as `--check --table` prints it. */
function keeperTable(): Map<string, Map<string, number>> {
  const { stdout, status } = spawnSync(keeperPath(), ['--check', '--table'], { encoding: 'utf8' });
  expect(status).toBe(0);
  const table = new Map<string, Map<string, number>>();
  for (const line of stdout.trim().split('\n')) {
    const [group = '', name = '', value] = line.split(' ');
    const rows = table.get(group) ?? new Map<string, number>();
    table.set(group, rows.set(name, Number(value)));
  }
  return table;
}

const snake = (name: string): string =>
  name
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replace(/-/g, '_')
    .toUpperCase();

function named(prefix: string, values: Readonly<Record<string, number>>): Map<string, number> {
  return new Map(
    Object.entries(values).map(([name, value]) => [`${prefix}_${snake(name)}`, value]),
  );
}

/** Names by index; `none` at 0 stands for nothing on the wire. */
function listed(prefix: string, names: readonly string[]): Map<string, number> {
  const rows = names.map((name, index) => [`${prefix}_${snake(name)}`, index] as const);
  return new Map(
    rows.filter(([name]) => name !== `${prefix}_NONE` || prefix === 'EXIT' || prefix === 'HEALTH'),
  );
}

const itemKinds = { launch: 0, exec: 1, cleanup: 2, supervise: 3, netlink: 4 } as const;

/** What the keeper says to each item. */
function check(items: readonly { kind: keyof typeof itemKinds; bytes: Uint8Array }[]): string[] {
  const input = Buffer.concat(
    items.flatMap(({ kind, bytes }) => {
      const head = Buffer.alloc(5);
      head.writeUInt32LE(bytes.length, 0);
      head[4] = itemKinds[kind];
      return [head, bytes];
    }),
  );
  return spawnSync(keeperPath(), ['--check'], { input, encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
}

describe('the constants of TypeScript and C', () => {
  const table = keeperTable();
  const limits = table.get('limit');

  test('agree on versions and limits', () => {
    expect(table.get('protocol')).toEqual(
      new Map([
        ['WARREN_PROTOCOL_MIN', protocol.protocolMinimum],
        ['WARREN_PROTOCOL_MAX', protocol.protocolMaximum],
        ['WARREN_HELLO_MAGIC', protocol.helloMagic],
      ]),
    );
    expect(table.get('plan')).toEqual(
      new Map([
        ['WARREN_PLAN_MAGIC', plan.planMagic],
        ['WARREN_PLAN_VERSION', plan.planVersion],
      ]),
    );
    expect(limits?.get('FRAME_HEADER')).toBe(protocol.frameHeaderSize);
    expect(limits?.get('FRAME_MAX')).toBe(protocol.frameMaximum);
    expect(limits?.get('PLAN_MAX')).toBe(plan.planMaximumBytes);
    expect(limits?.get('PLAN_OPS_MAX')).toBe(plan.planMaximumOperations);
    expect(limits?.get('STREAM_WINDOW')).toBe(protocol.streamWindow);
    expect(limits?.get('CLIENT_REQUESTS_MAX')).toBe(protocol.clientRequestsMaximum);
  });

  test.each([
    [
      'frame_type',
      () => new Map([...named('REQ', protocol.request), ...named('REP', protocol.reply)]),
    ],
    ['start_flags', () => named('START', protocol.startFlags)],
    [
      'op_type',
      () =>
        new Map(Object.entries(plan.operations).map(([name, { type }]) => [`OP_${name}`, type])),
    ],
    ['bind_source', () => named('BIND', plan.bindSources)],
    ['netlink_protocol', () => named('NETLINK_OF', netlink.netlinkProtocols)],
    ['netlink_place', () => named('PLACE', netlink.netlinkPlaces)],
    ['overlay_strategy', () => named('OVERLAY', plan.overlayStrategies)],
    ['exit_how', () => listed('EXIT', protocol.exitHows)],
    ['exit_reason', () => listed('REASON', protocol.exitReasons)],
    ['container_status', () => listed('STATUS', protocol.containerStatuses)],
    ['health_status', () => listed('HEALTH', protocol.healthStatuses)],
    ['event_kind', () => listed('EVENT', protocol.eventKinds)],
  ])('agree on %s', (group, ours) => {
    expect(ours()).toEqual(table.get(group));
  });

  test('agree on flags of operations, phases, creation and clamps', () => {
    const flags = table.get('op_flags');
    expect(flags?.get('BIND_RECURSIVE')).toBe(plan.bindFlags.recursive);
    expect(flags?.get('BIND_IDMAPPED')).toBe(plan.bindFlags.idmapped);
    expect(flags?.get('BIND_OPTIONAL')).toBe(plan.bindFlags.optional);
    expect(flags?.get('BIND_MAKE_SOURCE')).toBe(plan.bindFlags.makeSource);
    for (const name of [
      'CGROUP_MAKE_NEW',
      'CGROUP_WRITE_CLAMP',
      'NAMESPACES_LOCKED',
      'WORKDIR_CREATE',
      'EXEC_INIT',
      'NETLINK_TOLERANT',
    ]) {
      expect(flags?.get(name), name).toBe(1);
    }
    expect([...(table.get('plan_phase')?.values() ?? [])]).toEqual(
      protocol.phases.map((_, index) => index),
    );
    expect([...(table.get('create_kind')?.values() ?? [])]).toEqual(
      Object.values(plan.createKinds),
    );
    expect(table.get('clamp_kind')).toEqual(
      new Map([
        ['CLAMP_RLIMIT', 1],
        ['CLAMP_CGROUP', 2],
      ]),
    );
  });
});

const peer = 'fedcba9876543210'.repeat(4);

const configs: readonly (readonly [string, Partial<ContainerConfig>, Partial<LaunchInput>?])[] = [
  ['the defaults', {}],
  [
    'everything',
    {
      capAdd: ['ALL'],
      readOnly: true,
      init: true,
      tty: true,
      oomScoreAdj: 500,
      domainname: 'example.org',
      security: { noNewPrivileges: true },
      sysctls: { 'net.core.somaxconn': '128' },
      ulimits: [
        { name: 'nofile', soft: 1, hard: 2 },
        { name: 'rttime', soft: -1, hard: -1 },
      ],
      health: { test: ['true'] },
      lease: { ttlMs: 5, idleTimeoutMs: 5 },
    },
    {
      healthPlan: compileExec(runtimeSpec(launchInput()), launchInput(), {
        argv: ['true'],
        env: [],
        workingDir: '',
        user: { uid: 0, gid: 0, groups: [], home: '' },
        tty: false,
        privileged: false,
      }),
    },
  ],
  [
    "the host's namespaces",
    { userns: 'host', pid: 'host', network: 'host', ipc: 'host', uts: 'host', cgroupns: 'host' },
  ],
  ['privileges', { privileged: true, userns: 'host' }],
  [
    "another container's namespaces",
    { network: `container:${peer}`, pid: `container:${peer}`, ipc: `container:${peer}` },
  ],
  ['a volatile layer', { volatile: true }, { writableLayer: null }],
  [
    'devices and a filter of them',
    {},
    {
      devices: [{ path: '/dev/snd/seq', kind: 'c', major: 116, minor: 1, mode: 0o20660 }],
      cgroups: {
        ...launchInput().cgroups,
        deviceProgram: { group: { hierarchy: 0, path: 'warren/x' }, program: Buffer.alloc(16) },
      },
    },
  ],
  [
    'mounts of every kind',
    {},
    {
      record: {
        ...record({
          mounts: [
            {
              type: 'bind',
              source: '/srv',
              target: '/srv',
              createSource: true,
              idmap: true,
              propagation: 'rslave',
            },
            {
              type: 'bind',
              source: '/etc/passwd',
              target: '/run/passwd',
              readOnly: true,
              recursive: false,
            },
            { type: 'volume', source: 'db', target: '/var/lib/db', readOnly: true },
            { type: 'tmpfs', target: '/run', readOnly: true },
          ],
        }),
        volumes: [{ target: '/var/lib/db', name: 'db', anonymous: false }],
      },
    },
  ],
  [
    'a profile of its own',
    {
      security: {
        seccomp: {
          profile:
            '{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC"],"syscalls":[]}',
        },
      },
    },
  ],
];

describe('the keeper accepts', () => {
  test.each(configs.map((row) => ({ name: row[0], row })))(
    'the plan and the supervise section of a container with $name',
    ({ row }) => {
      const [, config, changes] = row;
      const input = launchInput(config, changes ?? {});
      const { plan: launch, supervise } = compileLaunch(runtimeSpec(input), input);
      expect(
        check([
          { kind: 'launch', bytes: launch },
          { kind: 'supervise', bytes: supervise },
        ]),
      ).toEqual(['OK', 'OK']);
    },
  );

  test.each(configs.map((row) => ({ name: row[0], row })))(
    'the plan of an exec in a container with $name',
    ({ row }) => {
      const [, config, changes] = row;
      const input = launchInput(config, changes);
      const user = { uid: 1000, gid: 1000, groups: [5, 6], home: '/' };
      const bytes = compileExec(runtimeSpec(input), input, {
        argv: ['id'],
        env: ['A=b'],
        workingDir: '/tmp',
        user,
        tty: true,
        privileged: true,
      });
      expect(check([{ kind: 'exec', bytes }])).toEqual(['OK']);
    },
  );

  test('batches of netlink messages', () => {
    const messages = Buffer.alloc(16);
    messages.writeUInt32LE(16, 0);
    messages.writeUInt32LE(0x0005_0010, 4);
    const batch = { protocol: 'route', messages, tolerant: true } as const;
    const bytes = netlink.netlinkPlan([
      { ...batch, place: 'host', path: '', namespaceAt: [] },
      { ...batch, place: 'run-dir', path: 'net/router', namespaceAt: [] },
      { ...batch, place: 'container', path: '', namespaceAt: [12] },
    ]);
    expect(check([{ kind: 'netlink', bytes }])).toEqual(['OK']);
    expect(describePlan(bytes).operations.map(({ fields }) => fields)).toMatchObject([
      { protocol: 'route', place: 'host', messages: ['16:16'] },
      { place: 'run-dir', path: 'net/router' },
      { place: 'container', namespaceAt: [12] },
    ]);
  });

  test('no plan that is cut short or changed', () => {
    const input = launchInput();
    const { plan: bytes } = compileLaunch(runtimeSpec(input), input);
    const answers = check([
      { kind: 'launch', bytes: bytes.subarray(0, -1) },
      { kind: 'exec', bytes },
      { kind: 'supervise', bytes },
    ]);
    expect(answers.every((answer) => answer.startsWith('74 '))).toBe(true);
  });
});

import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import type * as dns from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import type { EgressRule } from '../../../src/model/network/network.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { eventually } from '../../faults/fixtures/eventually.js';
import { describeAsRoot } from '../../privileges.js';
import { startNameServer, type NameServer } from './rig/name-server.js';
import { addressOf, askFrom, endpointOf, lookUp, reachedFrom } from './rig/reach.js';

const dropped = /^none /;
const welcome = 'welcome';

/** The outside: addresses of the host on networks beside the one that the containers are on. */
interface Outside {
  readonly ipv4: string;
  readonly ipv6: string;
}

describeAsRoot('egress rules', () => {
  let rig: TestEngine;
  let names: NameServer;
  let allowed: Outside;
  let other: Outside;
  const servers: Server[] = [];
  const zone: Record<string, readonly dns.Answer[]> = {};

  const outsideOn = async (network: string): Promise<Outside> => {
    const { subnets } = await rig.engine.networks.create({ name: network, ipv6: true });
    const [ipv4 = '', ipv6 = ''] = subnets.map(({ gateway }) => gateway);
    await using _member = await rig.engine.run(idle(network));
    for (const address of [ipv4, ipv6]) {
      const server = createServer((_request, response) => response.end(welcome));
      server.listen(8080, address);
      await once(server, 'listening');
      servers.push(server);
    }
    return { ipv4, ipv6 };
  };

  beforeAll(async () => {
    rig = await openTestEngine();
    await rig.engine.images.buildBase('tiny');
    await rig.engine.networks.create({ name: 'inside', ipv6: true });
    names = await startNameServer(() => zone);
    allowed = await outsideOn('one');
    other = await outsideOn('two');
    for (const name of ['allowed.test', 'other.test', 'deep.wild.test', 'short.test'])
      zone[name] = answers(name, name === 'other.test' ? other : allowed, 60);
    zone['alias.test'] = [
      { type: 'CNAME', name: 'alias.test', ttl: 60, data: 'allowed.test' },
      ...answers('allowed.test', allowed, 60),
      ...answers('stranger.test', other, 60),
    ];
    zone['loop.test'] = [{ type: 'A', name: 'loop.test', ttl: 60, data: '127.0.0.1' }];
  }, 60_000);

  afterAll(async () => {
    for (const server of servers) server.close();
    await rig[Symbol.asyncDispose]();
    await names[Symbol.asyncDispose]();
  }, 60_000);

  const answers = (name: string, { ipv4, ipv6 }: Outside, ttl: number): readonly dns.Answer[] => [
    { type: 'A', name, ttl, data: ipv4 },
    { type: 'AAAA', name, ttl, data: ipv6 },
  ];

  const idle = (network: string, more: Partial<ContainerConfig> = {}): ContainerConfig => ({
    image: 'tiny',
    command: ['httpd'],
    network,
    ...more,
  });

  const restricted = async (
    ...allow: readonly (readonly [string, number?])[]
  ): Promise<ContainerHandle> =>
    rig.engine.run(
      idle('inside', {
        dns: [names.address],
        egress: {
          policy: 'deny',
          allow: allow.map(([value, port = 0]): EgressRule => ({
            kind: /[/:]|^[\d.]+$/.test(value) ? 'cidr' : 'host',
            value,
            port,
          })),
        },
      }),
    );

  const setOf = (name: string): string =>
    execFileSync(
      'nsenter',
      [
        `--net=${join(rig.scope.runDir, 'net', 'router')}`,
        'nft',
        'list',
        'set',
        'inet',
        'warren',
        name,
      ],
      { encoding: 'utf8' },
    );

  test('without rules everything is reached; with deny nothing is, over IPv4, IPv6 and DNS', async () => {
    await using free = await rig.engine.run(idle('inside', { dns: [names.address] }));
    await using closed = await restricted();
    for (const address of [other.ipv4, other.ipv6, await addressOf(free)])
      expect(await askFrom(closed, address), address).toMatch(dropped);
    const asked = names.asked.length;
    expect(await lookUp(closed, 'A', 'other.test')).toBe('EREFUSED');
    expect(await lookUp(closed, 'AAAA', 'other.test')).toBe('EREFUSED');
    expect(await lookUp(closed, 'TXT', 'secret.other.test')).toBe('EREFUSED');
    expect(names.asked).toHaveLength(asked);
    for (const address of [other.ipv4, other.ipv6])
      expect(await askFrom(free, address), address).toBe(welcome);
    expect(await askFrom(free, await addressOf(closed))).not.toMatch(dropped);
  }, 60_000);

  test('an allowed name is reached once it was looked up, and nothing beside it', async () => {
    await using box = await restricted(['allowed.test']);
    expect(await askFrom(box, allowed.ipv4)).toMatch(dropped);
    expect(await lookUp(box, 'A', 'allowed.test')).toEqual([allowed.ipv4]);
    expect(await askFrom(box, allowed.ipv4)).toBe(welcome);
    expect(await askFrom(box, allowed.ipv6)).toMatch(dropped);
    expect(await lookUp(box, 'AAAA', 'ALLOWED.test')).toHaveLength(1);
    expect(await askFrom(box, allowed.ipv6)).toBe(welcome);
    for (const address of [other.ipv4, other.ipv6])
      expect(await askFrom(box, address), address).toMatch(dropped);
    await using neighbour = await restricted(['allowed.test']);
    expect(await askFrom(neighbour, allowed.ipv4)).toMatch(dropped);
  }, 60_000);

  test('ports, names below one, aliases, addresses and networks are what a rule says', async () => {
    await using wrongPort = await restricted(['allowed.test', 443]);
    expect(await lookUp(wrongPort, 'A', 'allowed.test')).toEqual([allowed.ipv4]);
    expect(await askFrom(wrongPort, allowed.ipv4)).toMatch(dropped);
    await using port = await restricted(['allowed.test', 443], ['allowed.test', 8080]);
    expect(await lookUp(port, 'A', 'allowed.test')).toEqual([allowed.ipv4]);
    expect(await askFrom(port, allowed.ipv4)).toBe(welcome);
    await using wild = await restricted(['*.wild.test'], ['alias.test']);
    expect(await lookUp(wild, 'A', 'wild.test')).toBe('EREFUSED');
    expect(await lookUp(wild, 'A', 'deep.wild.test')).toEqual([allowed.ipv4]);
    expect(await askFrom(wild, allowed.ipv4)).toBe(welcome);
    // The client takes a stranger's address too; the firewall does not.
    expect(await lookUp(wild, 'A', 'alias.test')).toContain(allowed.ipv4);
    expect(await askFrom(wild, other.ipv4)).toMatch(dropped);
    await using networks = await restricted(
      [`${allowed.ipv4}/20`, 8080],
      [`${allowed.ipv4}/32`, 8080],
      [`${other.ipv6}/64`],
    );
    expect(await askFrom(networks, allowed.ipv4)).toBe(welcome);
    expect(await askFrom(networks, other.ipv6)).toBe(welcome);
    expect(await askFrom(networks, allowed.ipv6)).toMatch(dropped);
    expect(await askFrom(networks, other.ipv4)).toMatch(dropped);
  }, 60_000);

  test('another container is reached by an allowed name alone', async () => {
    await using friend = await rig.engine.run(idle('inside', { name: 'friend' }));
    await using stranger = await rig.engine.run(idle('inside', { name: 'stranger' }));
    await using box = await restricted(['friend']);
    expect(await lookUp(box, 'A', 'stranger')).toBe('EREFUSED');
    expect(await lookUp(box, 'A', 'friend')).toEqual([await addressOf(friend)]);
    expect(await askFrom(box, await addressOf(friend))).not.toMatch(dropped);
    expect(await askFrom(box, await addressOf(stranger))).toMatch(dropped);
  }, 60_000);

  test('an address is forgotten when its time is over, and stays when the name is asked for again', async () => {
    zone['short.test'] = answers('short.test', allowed, 1);
    await using box = await restricted(['short.test'], ['loop.test']);
    expect(await lookUp(box, 'A', 'short.test')).toEqual([allowed.ipv4]);
    expect(await askFrom(box, allowed.ipv4)).toBe(welcome);
    const { slot } = await endpointOf(box);
    const policy = `0x${(slot + 1).toString(16).padStart(8, '0')}`;
    const line = new RegExp(`${policy} \\. ${allowed.ipv4} timeout \\w+ expires (\\w+)`);
    expect(setOf('allow4')).toMatch(line);
    await eventually('the end of the address', () => !line.test(setOf('allow4')));
    expect(await askFrom(box, allowed.ipv4)).toMatch(dropped);
    zone['short.test'] = answers('short.test', allowed, 600);
    expect(await lookUp(box, 'A', 'short.test')).toEqual([allowed.ipv4]);
    expect(line.exec(setOf('allow4'))?.[1]).toMatch(/^(9|10)m/);
    expect(await lookUp(box, 'A', 'loop.test')).toEqual(['127.0.0.1']);
    expect(setOf('allow4')).not.toContain('127.0.0.1');
  }, 60_000);

  test('rules change while a container runs: what only the old ones allowed is closed', async () => {
    await using friend = await rig.engine.run(idle('inside'));
    const box = await rig.engine.run(idle('inside', { dns: [names.address] }));
    const friendly = await addressOf(friend);
    const reached = async (): Promise<readonly boolean[]> =>
      reachedFrom(box, [allowed.ipv4, allowed.ipv6, other.ipv4, friendly]);
    const change = async (...allow: readonly EgressRule[]): Promise<void> =>
      box.update({ egress: { policy: 'deny', allow } });
    const named = { kind: 'host', value: 'allowed.test', port: 0 } as const;
    const address = (value: string): EgressRule => ({ kind: 'cidr', value, port: 0 });
    expect(await reached()).toEqual([true, true, true, true]);
    await change();
    expect(await reached()).toEqual([false, false, false, false]);
    expect(await lookUp(box, 'A', 'allowed.test')).toBe('EREFUSED');
    await change(named);
    expect(await lookUp(box, 'A', 'allowed.test')).toEqual([allowed.ipv4]);
    expect(await reached()).toEqual([true, false, false, false]);
    await change(named, address(other.ipv4));
    expect(await reached()).toEqual([false, false, true, false]);
    expect(await lookUp(box, 'AAAA', 'allowed.test')).toHaveLength(1);
    expect(await reached()).toEqual([false, true, true, false]);
    await change(address('0.0.0.0/0'));
    expect(await reached()).toEqual([true, false, true, true]);
    await box.restart({ timeoutMs: 0 });
    expect(await reached()).toEqual([true, false, true, true]);
    await box.update({ egress: { policy: 'allow', allow: [] } });
    expect(await reached()).toEqual([true, true, true, true]);
    await change(address(friendly));
    await box.stop({ timeoutMs: 0 });
    expect(await rig.engine.system.leaks({ fix: false })).toEqual([]);
    await box.update({ egress: { policy: 'deny', allow: [address(other.ipv4)] } });
    await box.start();
    expect(await reached()).toEqual([false, false, true, false]);
    await box.remove({ force: true });
    for (const name of ['allow_net4', 'allow_net6', 'tracked4'])
      expect(setOf(name), name).not.toContain('elements');
  }, 120_000);

  test('rules that cannot be are refused and change nothing', async () => {
    await using box = await rig.engine.run(idle('inside', { networks: [{ network: 'inside' }] }));
    await expect(
      box.update({
        egress: { policy: 'deny', allow: [{ kind: 'cidr', value: 'nowhere', port: 0 }] },
      }),
    ).rejects.toThrow('"nowhere" is no network');
    await rig.engine.networks.create({ name: 'switched', driver: 'bridge' });
    await rig.engine.networks.connect(box.name, { network: 'switched' });
    await expect(box.update({ egress: { policy: 'deny', allow: [] } })).rejects.toMatchObject({
      code: 'EGRESS_NEEDS_ROUTED',
    });
    expect(await askFrom(box, other.ipv4)).toBe(welcome);
    expect((await box.inspect()).record.spec.networking.egress.policy).toBe('allow');
  }, 60_000);

  test('rules where packets do not pass the router are refused', async () => {
    await rig.engine.networks.create({ name: 'flat', driver: 'bridge' });
    const egress = { policy: 'deny', allow: [] } as const;
    await expect(rig.engine.run(idle('flat', { egress }))).rejects.toMatchObject({
      code: 'EGRESS_NEEDS_ROUTED',
    });
    await expect(rig.engine.run(idle('none', { egress }))).rejects.toThrow(
      'Invalid egress: has no effect with network none',
    );
    await using box = await restricted();
    await expect(rig.engine.networks.connect(box.name, { network: 'flat' })).rejects.toMatchObject({
      code: 'EGRESS_NEEDS_ROUTED',
    });
  }, 60_000);
});

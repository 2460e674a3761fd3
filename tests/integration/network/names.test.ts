import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { eventually } from '../../faults/fixtures/eventually.js';
import { describeAsRoot } from '../../privileges.js';
import { startNameServer, type NameServer } from './rig/name-server.js';
import { addressOf, endpointOf, lookUp } from './rig/reach.js';

const unknown = 'ENOTFOUND';

describeAsRoot('names', () => {
  let rig: TestEngine;
  let outside: NameServer;

  beforeAll(async () => {
    rig = await openTestEngine();
    await rig.engine.images.buildBase('tiny');
    await rig.engine.networks.create({ name: 'front', ipv6: true });
    await rig.engine.networks.create({ name: 'back' });
    const many = Array.from({ length: 100 }, (_, index) => `198.51.100.${index + 1}`);
    outside = await startNameServer(() => ({
      'www.example.test': [
        { type: 'A', name: 'www.example.test', ttl: 30, data: '192.0.2.7' },
        { type: 'AAAA', name: 'www.example.test', ttl: 30, data: '2001:db8::7' },
      ],
      'many.example.test': many.map((data) => ({
        type: 'A',
        name: 'many.example.test',
        ttl: 30,
        data,
      })),
    }));
  }, 60_000);

  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  }, 60_000);

  const idle = (network: string, more: Partial<ContainerConfig> = {}): ContainerConfig => ({
    image: 'tiny',
    command: ['sleep', '1000'],
    ...(more.networks === undefined ? { network } : {}),
    ...more,
  });

  const resolverPid = (): number | undefined => {
    const found = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .find((line) => line.includes(` resolver --data-root ${rig.scope.dataRoot} `));
    return found === undefined ? undefined : Number.parseInt(found, 10);
  };

  test('containers of a network know each other by name, alias, host name and short id', async () => {
    await using web = await rig.engine.run(
      idle('front', {
        name: 'web-1',
        hostname: 'shop',
        networks: [{ network: 'front', aliases: ['www', 'Static'] }],
      }),
    );
    await using second = await rig.engine.run(
      idle('front', { networks: [{ network: 'front', aliases: ['www'] }] }),
    );
    await using client = await rig.engine.run(
      idle('front', {
        networks: [{ network: 'front', links: [{ container: 'web-1', alias: 'store' }] }],
      }),
    );
    const { ipv4, ipv6 } = await endpointOf(web);
    const names = ['web-1', 'shop', 'static', 'WEB-1', web.id.slice(0, 12), 'store', 'web-1.front'];
    for (const name of names) expect(await lookUp(client, 'A', name), name).toEqual([ipv4]);
    expect(await lookUp(client, 'AAAA', 'web-1')).toEqual([ipv6]);
    expect(await lookUp(client, 'A', 'www')).toEqual([ipv4, await addressOf(second)].sort());
    expect(await lookUp(client, 'TXT', 'web-1')).toBe('ENODATA');
    expect(await lookUp(client, 'PTR', ipv4 ?? '')).toEqual(['web-1.front']);
    expect(await lookUp(client, 'PTR', ipv6 ?? '')).toEqual(['web-1.front']);
    expect(await lookUp(second, 'A', 'store')).toBe(unknown);
    await web.rename('web-2');
    expect(await lookUp(client, 'A', 'web-2')).toEqual([ipv4]);
    expect(await lookUp(client, 'A', 'web-1')).toBe(unknown);
    await web.stop({ timeoutMs: 0 });
    expect(await lookUp(client, 'A', 'web-2')).toBe(unknown);
  }, 60_000);

  test('names of other networks are unknown, and the default network has none', async () => {
    await using there = await rig.engine.run(idle('back', { name: 'there' }));
    await using here = await rig.engine.run(idle('front', { name: 'here' }));
    await using plain = await rig.engine.run(idle('default', { name: 'plain' }));
    await using other = await rig.engine.run(idle('default'));
    expect(await lookUp(here, 'A', 'there')).toBe(unknown);
    expect(await lookUp(here, 'PTR', await addressOf(there))).toBe(unknown);
    expect(await lookUp(other, 'A', 'plain')).toBe(unknown);
    await rig.engine.networks.connect(here.name, { network: 'back' });
    expect(await lookUp(here, 'A', 'there')).toEqual([await addressOf(there)]);
    expect(await lookUp(there, 'A', 'here')).toEqual([await addressOf(here, 1)]);
    await rig.engine.networks.disconnect(here.name, 'back');
    expect(await lookUp(here, 'A', 'there')).toBe(unknown);
    expect(await lookUp(plain, 'A', 'plain')).toBe(unknown);
  }, 60_000);

  test('other names go to the servers of the host or those that the user chose, over UDP and TCP', async () => {
    await using client = await rig.engine.run(idle('front', { dns: [outside.address] }));
    expect(await lookUp(client, 'A', 'www.example.test')).toEqual(['192.0.2.7']);
    expect(await lookUp(client, 'AAAA', 'www.example.test')).toEqual(['2001:db8::7']);
    expect(await lookUp(client, 'A', 'many.example.test')).toHaveLength(100);
    expect(await lookUp(client, 'A', 'none.example.test')).toBe(unknown);
    expect(outside.asked).toContain('none.example.test');
    expect(await lookUp(client, 'A', 'nobody-here')).toBe(unknown);
    expect(outside.asked).not.toContain('nobody-here');
    const { paths } = await client.inspect();
    const lines = readFileSync(paths.resolvConf, 'utf8').split('\n');
    expect(lines.filter((line) => line.startsWith('nameserver'))).toEqual([
      'nameserver 169.254.1.53',
    ]);
  }, 60_000);

  test('on an internal network names are known and nothing is asked outside', async () => {
    await rig.engine.networks.create({ name: 'inner', internal: true });
    const config = idle('inner', { dns: [outside.address] });
    await using one = await rig.engine.run({ ...config, name: 'inner-one' });
    await using two = await rig.engine.run(config);
    expect(await lookUp(two, 'A', 'inner-one')).toEqual([await addressOf(one)]);
    const before = outside.asked.length;
    expect(await lookUp(two, 'A', 'www.example.test')).toBe('EREFUSED');
    expect(outside.asked).toHaveLength(before);
  }, 60_000);

  test('names on a bridge are known', async () => {
    await rig.engine.networks.create({ name: 'flat', driver: 'bridge' });
    await using one = await rig.engine.run(idle('flat', { name: 'flat-one' }));
    await using two = await rig.engine.run(idle('flat', { dns: [outside.address] }));
    expect(await lookUp(two, 'A', 'flat-one')).toEqual([await addressOf(one)]);
    expect(await lookUp(two, 'A', 'www.example.test')).toEqual(['192.0.2.7']);
  }, 60_000);

  test('the resolver is back after it, its keeper, or its router was killed', async () => {
    await using one = await rig.engine.run(idle('back', { name: 'lasting' }));
    const address = await addressOf(one);
    const killed = resolverPid() ?? 0;
    process.kill(killed, 'SIGKILL');
    await eventually('another resolver', () => ![undefined, killed].includes(resolverPid()));
    await eventually('an answer', async () =>
      isDeepStrictEqual(await lookUp(one, 'A', 'lasting'), [address]),
    );
    const { keepers } = await rig.engine.system.info();
    process.kill(keepers[0]?.pid ?? 0, 'SIGKILL');
    await eventually('an answer', async () =>
      isDeepStrictEqual(await lookUp(one, 'A', 'lasting'), [address]),
    );
    execFileSync('umount', [join(rig.scope.runDir, 'net', 'router')]);
    await using two = await rig.engine.run(idle('back', { name: 'newer' }));
    const newer = [await addressOf(two)];
    await eventually('an answer', async () =>
      isDeepStrictEqual(await lookUp(two, 'A', 'newer'), newer),
    );
  }, 120_000);

  test('a container that keeps too many connections loses the rest, and others are served', async () => {
    await using greedy = await rig.engine.run(idle('front'));
    await using modest = await rig.engine.run(idle('front', { name: 'modest' }));
    expect(await lookUp(greedy, 'flood', '40')).toBe('8');
    expect(await lookUp(greedy, 'A', 'modest')).toEqual([await addressOf(modest)]);
  }, 60_000);
});

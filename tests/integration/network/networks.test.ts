import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { uplinkOf } from '../../../src/network/router.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';
import { addressOf, askFrom, askFromHost, endpointOf } from './rig/reach.js';

/** Runs beside others on one machine have different ones. */
const ours = `10.${240 + randomInt(8)}.${randomInt(250)}`;

describeAsRoot('networks', () => {
  let rig: TestEngine;

  beforeAll(async () => {
    rig = await openTestEngine();
    await rig.engine.images.buildBase('tiny');
  }, 60_000);

  afterAll(async () => {
    const { scope } = rig;
    await rig[Symbol.asyncDispose]();
    expect(existsSync(join(scope.runDir, 'net', 'router'))).toBe(false);
  }, 60_000);

  const server = (network: string, more: Partial<ContainerConfig> = {}): ContainerConfig => ({
    image: 'tiny',
    command: ['httpd'],
    network,
    ...more,
  });

  test('containers of the default network answer the host and each other', async () => {
    await using one = await rig.engine.run(server('default', { hostname: 'one' }));
    await using two = await rig.engine.run(server('default', { hostname: 'two' }));
    expect(await askFromHost(await addressOf(one))).toContain('one');
    expect(await askFrom(two, await addressOf(one))).toContain('one');
    expect(await askFrom(one, await addressOf(two))).toContain('two');
    const { stdout } = await one.exec(['cat', '/etc/hosts']);
    expect(stdout).toContain(`${await addressOf(one)}\tone\n`);
    const { networks } = await one.stats();
    expect(networks?.['eth0']?.rxBytes).toBeGreaterThan(0);
    expect(networks?.['eth0']?.txPackets).toBeGreaterThan(0);
  });

  test('an address that no container has is unreachable at once', async () => {
    await using one = await rig.engine.run(server('default'));
    const next = (await addressOf(one)).replace(/\d+$/, '250');
    expect(await askFromHost(next)).toMatch(/^none E(HOST|NET)UNREACH/);
  });

  test('IPv6 is there when the network has it, and is not otherwise', async () => {
    await rig.engine.networks.create({ name: 'six', ipv6: true });
    await using one = await rig.engine.run(server('six', { hostname: 'one' }));
    await using two = await rig.engine.run(server('six'));
    const { ipv6 } = await endpointOf(one);
    expect(await askFromHost(ipv6 ?? '')).toContain('one');
    expect(await askFrom(two, ipv6 ?? '')).toContain('one');
    await using plain = await rig.engine.run(server('default'));
    const { pid } = await plain.state();
    const addresses = execFileSync('nsenter', [
      `--net=/proc/${pid}/ns/net`,
      'cat',
      '/proc/net/if_inet6',
    ]);
    expect(addresses.toString()).not.toContain('eth0');
  });

  test('a chosen address is given once, and is free again after its container', async () => {
    await rig.engine.networks.create({ name: 'chosen', subnets: [`${ours}.0/28`] });
    const config = {
      image: 'tiny',
      command: ['httpd'],
      networks: [{ network: 'chosen', ipv4: `${ours}.9` }],
    };
    const one = await rig.engine.run(config);
    expect(await addressOf(one)).toBe(`${ours}.9`);
    await expect(rig.engine.run(config)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    await expect(rig.engine.networks.remove('chosen')).rejects.toMatchObject({
      code: 'NETWORK_IN_USE',
    });
    await one.remove({ force: true });
    await using again = await rig.engine.run(config);
    expect(await askFromHost(`${ours}.9`)).not.toMatch(/^none/);
    await again.remove({ force: true });
    await rig.engine.networks.remove('chosen');
    await expect(rig.engine.networks.get('chosen')).rejects.toMatchObject({
      code: 'NO_SUCH_NETWORK',
    });
    const routes = execFileSync('ip', ['route', 'show', `${ours}.0/28`]).toString();
    expect(routes).toBe('');
  });

  test('a batch of more containers than there are addresses starts those that fit', async () => {
    await rig.engine.networks.create({ name: 'small', subnets: [`${ours}.32/29`] });
    const results = await rig.engine.runMany(server('small'), 7);
    expect(results.filter(({ ok }) => ok)).toHaveLength(5);
    for (const result of results) {
      if (!result.ok) expect(result.error.code).toBe('NO_FREE_ADDRESS');
    }
    await rig.engine.containers.remove(
      results.flatMap((result) => (result.ok ? [result.id] : [])),
      { force: true },
    );
  });

  test('containers of a bridge share layer 2', async () => {
    await rig.engine.networks.create({ name: 'flat', driver: 'bridge' });
    await using one = await rig.engine.run(server('flat', { hostname: 'one' }));
    await using two = await rig.engine.run(server('flat'));
    expect(await askFrom(two, await addressOf(one))).toContain('one');
    expect(await askFromHost(await addressOf(one))).toContain('one');
  });

  test('containers of a macvlan are on the link of their parent', async () => {
    const parent = `${rig.scope.prefix.slice(-8)}p`;
    execFileSync('ip', ['link', 'add', parent, 'type', 'veth', 'peer', 'name', `${parent}q`]);
    try {
      execFileSync('ip', ['link', 'set', parent, 'up']);
      execFileSync('ip', ['link', 'set', `${parent}q`, 'up']);
      await rig.engine.networks.create({
        name: 'outside',
        driver: 'macvlan',
        subnets: [`${ours}.64/26`],
        options: { parent },
      });
      await using one = await rig.engine.run(server('outside', { hostname: 'one' }));
      await using two = await rig.engine.run(server('outside'));
      expect(await askFrom(two, await addressOf(one))).toContain('one');
    } finally {
      execFileSync('ip', ['link', 'delete', parent]);
    }
  });

  test('a running container is connected to a network and taken out of it', async () => {
    await rig.engine.networks.create({ name: 'back' });
    await using one = await rig.engine.run(server('default', { hostname: 'one' }));
    await using two = await rig.engine.run(server('back'));
    await rig.engine.networks.connect(one.name, { network: 'back' });
    const there = await addressOf(one, 1);
    expect(await askFrom(two, there)).toContain('one');
    await expect(rig.engine.networks.connect(one.name, { network: 'back' })).rejects.toMatchObject({
      code: 'ALREADY_CONNECTED',
    });
    await rig.engine.networks.disconnect(one.name, 'back');
    expect(await askFrom(two, there)).toMatch(/^none/);
    expect(await askFromHost(await addressOf(one))).toContain('one');
    await rig.engine.networks.connect(one.name, { network: 'back' });
    expect(await askFrom(two, await addressOf(one, 1))).toContain('one');
  });

  test('a stopped container keeps its address, and a restarted one has it again at once', async () => {
    await using one = await rig.engine.run(server('default', { hostname: 'one' }));
    const address = await addressOf(one);
    await one.restart({ timeoutMs: 0 });
    expect(await addressOf(one)).toBe(address);
    expect(await askFromHost(address)).toContain('one');
  });

  test('a router that somebody took away is made again', async () => {
    await using one = await rig.engine.run(server('default', { hostname: 'one' }));
    expect(await askFromHost(await addressOf(one))).toContain('one');
    execFileSync('umount', [join(rig.scope.runDir, 'net', 'router')]);
    execFileSync('ip', ['link', 'delete', uplinkOf(rig.scope.dataRoot).name]);
    await using two = await rig.engine.run(server('default', { hostname: 'two' }));
    expect(await askFromHost(await addressOf(two))).toContain('two');
  });

  test('a launch that fails leaves no link', async () => {
    const before = (await rig.engine.networks.get('default')).usedBy.length;
    await expect(
      rig.engine.run(server('default', { command: ['/no/such/program'] })),
    ).rejects.toThrow('No such file or directory');
    expect((await rig.engine.networks.get('default')).usedBy).toHaveLength(before);
  });

  test('the host has one link, however many containers there are', async () => {
    const results = await rig.engine.runMany(server('default'), 20);
    const { name } = uplinkOf(rig.scope.dataRoot);
    const links = readdirSync('/sys/class/net').filter((link) => link.startsWith('wrn'));
    expect(links.filter((link) => link === name)).toEqual([name]);
    const last = results.at(-1);
    if (last?.ok !== true) throw new Error('The last container does not run');
    expect(await askFromHost(await addressOf(last.value))).not.toMatch(/^none/);
    await rig.engine.containers.remove(
      results.flatMap((result) => (result.ok ? [result.id] : [])),
      { force: true },
    );
  });
});

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { routerPath } from '../../../src/network/router.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';
import { addressOf, askFrom, askFromHost } from './rig/reach.js';

describeAsRoot('isolation of networks', () => {
  let rig: TestEngine;

  beforeAll(async () => {
    rig = await openTestEngine();
    await rig.engine.images.buildBase('tiny');
    await rig.engine.networks.create({ name: 'left' });
    await rig.engine.networks.create({ name: 'right' });
    await rig.engine.networks.create({ name: 'inside', internal: true });
  }, 60_000);

  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  }, 60_000);

  const server = (network: string): ContainerConfig => ({
    image: 'tiny',
    command: ['httpd'],
    network,
  });

  const inRouter = (...command: readonly string[]): string =>
    execFileSync('nsenter', [`--net=${join(rig.scope.runDir, routerPath)}`, ...command], {
      encoding: 'utf8',
    });

  test('containers of two networks do not reach each other, those of one do', async () => {
    await using one = await rig.engine.run(server('left'));
    await using two = await rig.engine.run(server('left'));
    await using three = await rig.engine.run(server('right'));
    expect(await askFrom(one, await addressOf(two))).not.toMatch(/^none/);
    expect(await askFrom(three, await addressOf(one))).toMatch(/^none/);
    expect(await askFrom(one, await addressOf(three))).toMatch(/^none/);
    expect(await askFromHost(await addressOf(three))).not.toMatch(/^none/);
  });

  test('a container that takes another one’s address is not heard', async () => {
    await using one = await rig.engine.run(server('left'));
    await using two = await rig.engine.run(server('left'));
    const own = await addressOf(one);
    const free = own.replace(/\d+$/, '251');
    const { pid } = await one.state();
    const inside = [`--net=/proc/${pid}/ns/net`, 'ip', 'addr'];
    expect(await askFrom(one, await addressOf(two))).not.toMatch(/^none/);
    execFileSync('nsenter', [...inside, 'add', `${free}/32`, 'dev', 'eth0']);
    execFileSync('nsenter', [...inside, 'del', `${own}/32`, 'dev', 'eth0']);
    expect(await askFrom(one, await addressOf(two))).toMatch(/^none/);
  });

  test('an internal network has no way to the host, and the host has one in', async () => {
    await using one = await rig.engine.run(server('inside'));
    await using two = await rig.engine.run(server('inside'));
    await using three = await rig.engine.run(server('left'));
    const [gateway] = (await rig.engine.networks.get('inside')).subnets;
    expect(await askFrom(one, await addressOf(two))).not.toMatch(/^none/);
    expect(await askFromHost(await addressOf(one))).not.toMatch(/^none/);
    expect(await askFrom(one, gateway?.gateway ?? '')).toMatch(/^none (?!ECONNREFUSED)/);
    const [outer] = (await rig.engine.networks.get('left')).subnets;
    expect(await askFrom(three, outer?.gateway ?? '')).toBe('none ECONNREFUSED');
  });

  test('the tables are made again, with what runs, after somebody deleted them', async () => {
    await using one = await rig.engine.run(server('left'));
    await using two = await rig.engine.run(server('left'));
    inRouter('nft', 'flush', 'ruleset');
    await using three = await rig.engine.run(server('right'));
    expect(await askFrom(one, await addressOf(two))).not.toMatch(/^none/);
    expect(await askFrom(three, await addressOf(one))).toMatch(/^none/);
  });

  test('nothing is left in the tables of containers that ended, connected later or not', async () => {
    const one = await rig.engine.run(server('left'));
    await rig.engine.networks.connect(one.name, { network: 'right' });
    expect(inRouter('nft', 'list', 'ruleset')).toContain('elements');
    await one.remove({ force: true });
    expect(inRouter('nft', 'list', 'ruleset')).not.toContain('elements');
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { NetworkedCli } from '../../fixtures/network/networked-cli.js';
import type { OwnNetwork } from '../../fixtures/network/own-network.js';
import { expectReachable, reachableConfig, reachables } from '../../fixtures/network/reachable.js';
import { describeAsRoot } from '../../privileges.js';

const onDefault = 100;
const onBack = 200;
const changed = 50;

describeAsRoot('networks with hundreds of containers', () => {
  let network: OwnNetwork;
  let cli: NetworkedCli;

  beforeAll(async () => {
    cli = await NetworkedCli.open();
    ({ network } = cli);
    await cli.output('network', 'create', 'back');
  }, 60_000);

  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  }, 60_000);

  test('each is reached by its port, its address and its name, and by another port once it has that', async () => {
    const launched = await cli.program(`
      ${reachableConfig}
      const engine = await Engine.open();
      const results = await Promise.all([
        engine.runMany(reachable('default'), ${onDefault}),
        engine.runMany(reachable('back'), ${onBack}),
      ]);
      console.log(JSON.stringify(results.flat().map((result) => result.ok ? 'ok' : result.error.message)));
      await engine.close();
    `);
    expect(new Set(launched as string[])).toEqual(new Set(['ok']));
    const before = await reachables(cli);
    expect(before).toHaveLength(onDefault + onBack);
    expect(new Set(before.map(({ hostPort }) => hostPort)).size).toBe(onDefault + onBack);
    await expectReachable(network, before);

    await cli.program(`
      const engine = await Engine.open();
      const all = (await engine.containers.list()).slice(0, ${changed});
      await Promise.all(all.map(async ({ record }) => {
        const [{ hostPort }] = record.ports;
        const port = { protocol: 'tcp', hostIp: '', containerPort: 8080 };
        await engine.networks.publish(record.id, [{ ...port, hostPort: 0, hostPortEnd: 0 }]);
        await engine.networks.unpublish(record.id, [{ ...port, hostPort }]);
      }));
      console.log('null');
      await engine.close();
    `);
    const after = await reachables(cli);
    const ports = new Set(after.map(({ hostPort }) => hostPort));
    const gone = before.filter(({ hostPort }) => !ports.has(hostPort));
    expect(gone).toHaveLength(changed);
    await expectReachable(network, after);
    const closed = gone.map(({ hostPort }) => ({ at: '127.0.0.1', port: hostPort, hostname: '' }));
    const refused = await network.askAll('host', closed);
    expect(refused.filter((line) => line.endsWith('ECONNREFUSED'))).toHaveLength(changed);

    expect(network.run('host', 'ip', '-o', 'link').split('\n').length).toBeLessThan(5);
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
    await cli.clear();
    expect(network.run('host', 'nft', 'list', 'ruleset')).not.toContain('elements');
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
  }, 120_000);
});

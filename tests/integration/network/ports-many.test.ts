import { afterAll, beforeAll, expect, test } from 'vitest';
import { NetworkedCli } from '../../fixtures/network/networked-cli.js';
import type { OwnNetwork } from '../../fixtures/network/own-network.js';
import { describeAsRoot } from '../../privileges.js';

const count = 200;

/** Runs in the test's own network namespace: the library of a Node program there. */
const program = `
  const engine = await Engine.open();
  const port = { protocol: 'tcp', hostIp: '', containerPort: 8080 };
  const config = { image: 'tiny', command: ['httpd'], network: 'default' };
  const publish = [{ ...port, hostPort: 20000, hostPortEnd: 20000 + ${count} - 1 }];
  const results = await engine.runMany({ ...config, publish }, ${count});
  const random = await engine.runMany({ ...config, publish: [{ ...port, hostPort: 0, hostPortEnd: 0 }] }, 10);
  const fixed = await engine.runMany({ ...config, publish: [{ ...port, hostPort: 30000, hostPortEnd: 30000 }] }, 3);
  const one = await engine.get(results[0].id);
  const added = await engine.networks.publish(one.id, [{ ...port, hostPort: 0, hostPortEnd: 0 }]);
  const gone = await engine.networks.unpublish(one.id, [{ ...port, hostPort: added[0].hostPort }]);
  const portsOf = async (list) => Promise.all(list.filter(({ ok }) => ok).map(async ({ id }) =>
    (await (await engine.get(id)).inspect()).record.ports[0].hostPort));
  console.log(JSON.stringify({
    range: await portsOf(results),
    random: await portsOf(random),
    fixed: fixed.map((result) => result.ok ? 'ok' : result.error.code),
    added, gone,
  }));
  await engine.close();
`;

interface Result {
  readonly range: readonly number[];
  readonly random: readonly number[];
  readonly fixed: readonly string[];
  readonly added: readonly object[];
  readonly gone: readonly object[];
}

describeAsRoot('published ports by the hundred', () => {
  let network: OwnNetwork;
  let cli: NetworkedCli;

  beforeAll(async () => {
    cli = await NetworkedCli.open();
    ({ network } = cli);
  }, 60_000);

  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  }, 60_000);

  test('each container has its own, of the range or a random one; of one port one container', async () => {
    const { range, random, fixed, added, gone } = (await cli.program(program)) as Result;
    expect(new Set(range).size).toBe(count);
    expect(new Set(random).size).toBe(10);
    expect(fixed).toEqual(['ok', 'PORT_IN_USE', 'PORT_IN_USE']);
    expect(gone).toEqual(added);
    for (const port of [range[0], range.at(-1), random.at(-1), 30_000])
      expect(await network.ask('host', '127.0.0.1', port ?? 0)).toContain('hostname');
    await cli.clear();
    const tables = network.run('host', 'nft', 'list', 'ruleset');
    expect(tables).not.toContain('elements');
  }, 60_000);
});

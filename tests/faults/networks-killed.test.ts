import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routerPath } from '../../src/network/router.js';
import { NetworkedCli } from '../fixtures/network/networked-cli.js';
import type { OwnNetwork } from '../fixtures/network/own-network.js';
import { expectReachable, reachableConfig, reachables } from '../fixtures/network/reachable.js';
import { describeAsRoot } from '../privileges.js';
import { keeperProcesses, kill, killKeeperAndHolder } from './fixtures/keeper-processes.js';

/** Another one tries other moments. */
const seed = Number(process.env['WARREN_TEST_SEED'] ?? 5);

/** Numbers from 0 to 1, the same for the same seed. */
function randomNumbers(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Launches and removes containers on two networks, some with limits of bandwidth and rules, until it is killed. */
const churning = `
  ${reachableConfig}
  const engine = await Engine.open();
  const limited = { netRates: { inBytesPerSecond: 2 ** 23, outBytesPerSecond: 2 ** 23 } };
  const restricted = { egress: { policy: 'deny', allow: [{ kind: 'cidr', value: '0.0.0.0/0', port: 0 }] } };
  console.log('begins');
  for (;;) {
    const results = await Promise.all([
      engine.runMany(reachable('default'), 50),
      engine.runMany(reachable('back'), 40),
      engine.runMany({ ...reachable('back'), ...limited, ...restricted }, 10),
    ]);
    const ids = results.flat().flatMap((result) => (result.ok ? [result.id] : []));
    const all = (await engine.containers.list({ all: true })).map(({ record }) => record.id);
    await Promise.all([
      engine.containers.remove(all.slice(0, Math.max(all.length - 150, 40)), { force: true }),
      ...ids.slice(-5).map(async (id) => engine.containers.update([id], restricted)),
    ]);
  }
`;

type Victim = 'library' | 'keeper' | 'keeper and holder';

const victims: readonly Victim[] = [
  'library',
  'keeper',
  'keeper and holder',
  'library',
  'keeper and holder',
  'keeper',
];

describeAsRoot('containers on networks after kill -9 at random moments', () => {
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

  const killed = async (victim: Victim, moments: readonly number[]): Promise<void> => {
    const [first = 0, second = 0] = moments;
    const library = cli.startProgram(churning);
    await library.shows('begins');
    await delay(first);
    if (victim === 'keeper') kill(keeperProcesses(cli.scope).keeper);
    if (victim === 'keeper and holder') await killKeeperAndHolder(cli.scope);
    if (victim !== 'library') await delay(second);
    library.child.kill('SIGKILL');
    await library.result;
  };

  test(`nothing is left and what runs is reached (seed ${seed})`, async () => {
    const random = randomNumbers(seed);
    for (const victim of victims) {
      const moments = [200 + 2500 * random(), 500 * random()];
      await killed(victim, moments);
      const told = `${victim} after ${moments.map(Math.round).join(' and ')} ms`;
      expect(await cli.output('doctor', '--leaks'), told).toBe('No leaks');
      const left = await reachables(cli);
      expect(
        left.filter(({ hostPort }) => hostPort === 0),
        told,
      ).toEqual([]);
      await expectReachable(network, left);
    }
    await cli.clear();
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
    expect(network.run('host', 'nft', 'list', 'ruleset')).not.toContain('elements');
    const router = `--net=${join(cli.scope.runDir, routerPath)}`;
    expect(network.run('host', 'nsenter', router, 'ip', '-o', 'link')).not.toMatch(/ [cr]\d+[@:]/);
    // Who asked for names in the last minute is forgotten by the kernel.
    const rules = network
      .run('host', 'nsenter', router, 'nft', 'list', 'ruleset')
      .replace(/set askers \{.*?\n\t\}\n/s, '');
    expect(rules).not.toContain('elements');
  }, 180_000);
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import { expectNoLeaks, removeAll } from './fixtures/containers.js';
import { cli, startEngineProcess } from './fixtures/engine-process.js';
import { eventually } from './fixtures/eventually.js';

const count = 1000;
const intervalMs = 4000;

describeAsRoot('a thousand health checks', () => {
  let own: TestEngine;

  beforeAll(async () => {
    own = await openTestEngine();
  });

  afterAll(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  /** Starts them in a process that ends then: whoever looks at them, no engine runs their probes. */
  async function start(): Promise<void> {
    const health = JSON.stringify({
      test: ['cat', '/etc/hostname'],
      intervalMs,
      timeoutMs: 30_000,
      retries: 2,
    });
    const starter = startEngineProcess(
      own.scope,
      `const well = { image: 'tiny', command: ['pause'], health: ${health} };
       const results = await engine.runMany({ ...well, name: 'well' }, ${count - 1});
       for (const result of results) if (!result.ok) throw result.error;
       await engine.run({ ...well, name: 'sick', health: { ...well.health, test: ['cat', '/well'] } });
       tell('started');`,
    );
    const ended = new Promise((resolve) => starter.child.once('exit', resolve));
    await starter.printed('started');
    expect(await ended).toBe(0);
  }

  /** How many have which health, as a process that ends at once sees it. */
  async function tally(): Promise<Readonly<Record<string, number>>> {
    const health: Record<string, number> = {};
    for (const each of ['starting', 'healthy', 'unhealthy']) {
      const { stdout } = await cli(own.scope, ['ps', '-q', '--filter', `health=${each}`]);
      health[each] = stdout.split('\n').filter(Boolean).length;
    }
    return health;
  }

  test('all are told healthy but the one that is not, until it is', async () => {
    await start();
    const expected = { starting: 0, healthy: count - 1, unhealthy: 1 };
    await eventually(
      'every container is told healthy or unhealthy',
      async () => JSON.stringify(await tally()) === JSON.stringify(expected),
      60_000,
    );
    const sick = await cli(own.scope, [
      'ps',
      '--filter',
      'health=unhealthy',
      '--format={{.Names}}',
    ]);
    expect(sick.stdout).toBe('sick\n');
    const file = join(own.scope.directory, 'well');
    writeFileSync(file, '');
    expect(await cli(own.scope, ['cp', file, 'sick:/well'])).toMatchObject({ code: 0 });
    await eventually('it has recovered', async () => (await tally())['healthy'] === count);
    const log = await cli(own.scope, [
      'inspect',
      '--format',
      '{{.State.Health.FailingStreak}}',
      'sick',
    ]);
    expect(log.stdout).toBe('0\n');
  });
});

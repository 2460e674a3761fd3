import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerHandle } from '../../src/engine/contract.js';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import {
  counterConfig,
  expectAnswers,
  expectNoLeaks,
  expectWholeCount,
  idle,
  logLines,
  removeAll,
} from './fixtures/containers.js';
import { eventually } from './fixtures/eventually.js';
import {
  isRunning,
  keeperProcesses,
  kill,
  killKeeper,
  killKeeperAndHolder,
} from './fixtures/keeper-processes.js';

interface Population {
  readonly quiet: ContainerHandle;
  readonly counter: ContainerHandle;
  readonly terminal: ContainerHandle;
  readonly healthy: ContainerHandle;
  readonly leased: ContainerHandle;
  readonly restarting: ContainerHandle;
}

describeAsRoot('when the keeper is killed', () => {
  let own: TestEngine;

  beforeEach(async () => {
    own = await openTestEngine();
  });

  afterEach(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  /** One of each kind of container that needs the keeper while it lives. */
  async function populate(): Promise<Population> {
    const { engine, scope } = own;
    const [quiet, counter, terminal, healthy, leased, restarting] = await Promise.all([
      engine.run({ ...idle, name: 'quiet' }),
      engine.run({ ...counterConfig(scope), name: 'counter' }),
      engine.run({
        image: 'tiny',
        command: ['cat'],
        name: 'terminal',
        tty: true,
        stdinOpen: true,
      }),
      engine.run({
        ...idle,
        name: 'healthy',
        health: { test: ['true'], intervalMs: 100, timeoutMs: 5000 },
      }),
      engine.run({ ...idle, name: 'leased', lease: { ttlMs: 3000 } }),
      engine.run({ ...idle, name: 'restarting', restart: { name: 'always' } }),
    ]);
    await eventually('the check says healthy', async () => {
      return (await healthy.state()).health === 'healthy';
    });
    await eventually('the counter writes', async () => (await logLines(counter)).length > 100);
    return { quiet, counter, terminal, healthy, leased, restarting };
  }

  async function typeInto(terminal: ContainerHandle, text: string): Promise<void> {
    const attached = await terminal.attach({ stdin: true });
    attached.stdin?.write(`${text}\n`);
    let seen = '';
    for await (const chunk of attached.stdout ?? []) {
      seen += String(chunk);
      // Once from the echo of the terminal, once from the program.
      if (seen.split(text).length > 2) break;
    }
    await attached.detach();
  }

  async function expectGoesOn(population: Population): Promise<void> {
    const { quiet, counter, healthy, leased, restarting } = population;
    await expectAnswers([quiet, counter, healthy]);
    const before = await expectWholeCount(counter);
    await eventually(
      'the log goes on',
      async () => (await logLines(counter)).length > before + 200,
    );
    await expectWholeCount(counter);
    await eventually('the check goes on', async () => (await healthy.state()).health === 'healthy');
    expect(await leased.wait()).toMatchObject({ reason: 'ttl' });
    const { pid } = await restarting.state();
    kill(pid);
    await eventually('the restart policy applies', async () => {
      const state = await restarting.state();
      return state.status === 'running' && state.pid !== pid;
    });
    await expectAnswers([restarting]);
  }

  test('its holder starts the next one and containers never notice', async () => {
    const population = await populate();
    const pids = await Promise.all([population.quiet.state(), population.counter.state()]);
    const { holder } = keeperProcesses(own.scope);
    await killKeeper(own.scope);
    expect(keeperProcesses(own.scope).holder).toBe(holder);
    expect(await Promise.all([population.quiet.state(), population.counter.state()])).toEqual(pids);
    await typeInto(population.terminal, 'still-here');
    await expectGoesOn(population);
  });

  test('again and again, while a counter writes, no line of its log is lost', async () => {
    const counter = await own.engine.run(counterConfig(own.scope));
    for (let round = 0; round < 6; round += 1) {
      const before = (await logLines(counter)).length;
      await eventually('it writes', async () => (await logLines(counter)).length > before + 50);
      await killKeeper(own.scope);
    }
    await counter.kill();
    await counter.wait();
    expect(await expectWholeCount(counter)).toBeGreaterThan(300);
  });

  test('with its holder too, the next keeper adopts what runs', async () => {
    const population = await populate();
    const { pid } = await population.quiet.state();
    const { pid: ending } = await own.engine.run(idle).then(async (handle) => handle.state());
    await killKeeperAndHolder(own.scope);
    expect(isRunning(pid)).toBe(true);
    kill(ending);
    expect((await population.quiet.state()).pid).toBe(pid);
    // The other end of its terminal was held by both: it hung up, as when a modem loses its line.
    expect((await population.terminal.state()).status).toBe('exited');
    await expectGoesOn(population);
  });

  test('with its holder too, an end in the gap is unknown or true, never made up', async () => {
    const handle = await own.engine.run(idle);
    const { pid } = await handle.state();
    await killKeeperAndHolder(own.scope);
    kill(pid);
    await eventually('it ends', () => !isRunning(pid));
    const state = await handle.state();
    expect(state).toMatchObject({ status: 'exited', pid: 0 });
    expect([
      [null, null],
      [137, 'SIGKILL'],
    ]).toContainEqual([state.lastExit?.code, state.lastExit?.signal]);
    await handle.start();
    await expectAnswers([handle]);
  });

  test('the holder alone may go: nothing changes until the keeper goes as well', async () => {
    const handle = await own.engine.run(idle);
    kill(keeperProcesses(own.scope).holder);
    await expectAnswers([handle]);
    await killKeeperAndHolder(own.scope);
    await expectAnswers([handle]);
    expect(keeperProcesses(own.scope).holder).toBeGreaterThan(0);
  });

  test('execs under way fail or end, a stop goes on, and none hangs', async () => {
    const handle = await own.engine.run(idle);
    const execs = Array.from({ length: 20 }, async () => handle.exec(['sleep', '0.2']));
    const stopping = handle.stop({ timeoutMs: 1500, stopSignal: 'SIGWINCH' });
    const all = Promise.allSettled([...execs, stopping]);
    await killKeeper(own.scope);
    const results = await all;
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ kind: 'unavailable' });
    }
    expect(await stopping).toMatchObject({ reason: 'stop', signal: 'SIGKILL' });
    expect((await handle.state()).status).toBe('exited');
  });

  describe('or replaced by an upgrade', () => {
    test('containers keep their process, log, terminal and policies', async () => {
      const population = await populate();
      const before = keeperProcesses(own.scope);
      await own.engine.system.upgradeKeepers();
      const after = keeperProcesses(own.scope);
      expect([after.holder, after.keeper]).toEqual([before.holder, before.keeper]);
      await typeInto(population.terminal, 'still-here');
      await expectGoesOn(population);
    });
  });
});

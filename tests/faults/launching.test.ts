import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BatchResult, ContainerHandle } from '../../src/engine/contract.js';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import { expectAnswers, expectNoLeaks, idle, removeAll } from './fixtures/containers.js';
import {
  keeperProcesses,
  kill,
  killKeeper,
  killKeeperAndHolder,
  killWorker,
} from './fixtures/keeper-processes.js';

const batch = 500;
/** Launches that the engine has at the keeper at one time. */
const underWay = 256;

/** Sample of those that were launched, so that a check stays short. */
const samples = 40;

describeAsRoot('in the middle of a batch of launches', () => {
  let own: TestEngine;

  beforeEach(async () => {
    own = await openTestEngine();
    // The image is built and a keeper runs: the faults hit launches, not the first start.
    await (await own.engine.run(idle)).remove({ force: true });
  });

  afterEach(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  /** Runs the batch; `fault` happens when so many were launched. */
  async function runWith(
    faults: Readonly<Record<number, () => void | Promise<unknown>>>,
  ): Promise<readonly BatchResult<ContainerHandle>[]> {
    const under: Promise<unknown>[] = [];
    const results = await own.engine.runMany(idle, batch, {
      onProgress: (event) => {
        const fault = event.kind === 'count' ? faults[event.done] : undefined;
        if (fault !== undefined) under.push(Promise.resolve(fault()));
      },
    });
    await Promise.all(under);
    return results;
  }

  /** What was told is true: launched ones run and answer, of the others nothing is left. */
  async function expectTruth(results: readonly BatchResult<ContainerHandle>[]): Promise<number> {
    const launched = results.flatMap((result) => (result.ok ? [result.value] : []));
    const failed = results.flatMap((result) => (result.ok ? [] : [result.error]));
    const listed = await own.engine.containers.list({ all: true });
    expect(listed.map(({ record }) => record.id).sort()).toEqual(
      launched.map(({ id }) => id).sort(),
    );
    expect(new Set(listed.map(({ state }) => state.status))).toEqual(new Set(['running']));
    await expectAnswers(launched.filter((_, index) => index % (batch / samples) === 0));
    await expectNoLeaks(own.engine);
    expect(failed.filter(({ kind }) => kind !== 'unavailable')).toEqual([]);
    return failed.length;
  }

  test('a killed keeper costs the launches under way and no other', async () => {
    const results = await runWith({ 150: async () => killKeeper(own.scope) });
    expect(results).toHaveLength(batch);
    const failed = await expectTruth(results);
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThanOrEqual(underWay);
  });

  test('keeper and holder killed: the next launches start new ones', async () => {
    const { holder } = keeperProcesses(own.scope);
    const results = await runWith({ 150: async () => killKeeperAndHolder(own.scope) });
    await expectTruth(results);
    expect(keeperProcesses(own.scope).holder).not.toBe(holder);
  });

  test('killed workers cost the launch that each was at', async () => {
    const fault = async (): Promise<void> => killWorker(own.scope);
    const results = await runWith({
      50: fault,
      100: fault,
      150: fault,
      200: fault,
      250: fault,
    });
    const failed = await expectTruth(results);
    expect(failed).toBeLessThanOrEqual(5);
  });

  test('inits killed as they come up end alone', async () => {
    const victims = new Set<string>();
    const running = own.engine.runMany(idle, batch);
    for await (const event of own.engine.events()) {
      if (event.type !== 'container' || event.action !== 'start') continue;
      const { pid } = await (await own.engine.get(event.id)).state();
      kill(pid);
      victims.add(event.id);
      if (victims.size === 20) break;
    }
    const results = await running;
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    for (const { record, state } of await own.engine.containers.list({ all: true })) {
      if (victims.has(record.id)) {
        expect(state).toMatchObject({ status: 'exited', lastExit: { signal: 'SIGKILL' } });
      } else {
        expect(state.status).toBe('running');
      }
    }
  });
});

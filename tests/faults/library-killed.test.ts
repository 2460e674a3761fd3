import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerSummary } from '../../src/engine/contract.js';
import type { Engine } from '../../src/engine/engine.js';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import { expectAnswers, expectNoLeaks, idle, removeAll } from './fixtures/containers.js';
import { startCli, startEngineProcess } from './fixtures/engine-process.js';
import { eventually } from './fixtures/eventually.js';

describeAsRoot('when the process that uses the library is killed', () => {
  let own: TestEngine;

  beforeEach(async () => {
    own = await openTestEngine();
    await (await own.engine.run(idle)).remove({ force: true });
  });

  afterEach(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  /** Runs a program that tells when it is in the middle, kills it there, and opens the engine as the next process does. */
  async function killed(program: string): Promise<Engine> {
    const victim = startEngineProcess(own.scope, program);
    await victim.printed('now');
    await victim.kill();
    return await own.open();
  }

  async function listed(engine: Engine): Promise<readonly ContainerSummary[]> {
    return await engine.containers.list({ all: true });
  }

  async function expectAllAnswer(engine: Engine, left: readonly ContainerSummary[]): Promise<void> {
    const some = left.filter((_, index) => index % 10 === 0);
    await expectAnswers(await Promise.all(some.map(async ({ record }) => engine.get(record.id))));
  }

  test('in a batch of launches: what came up runs, of the rest nothing is left', async () => {
    const engine = await killed(`
      await engine.runMany({ image: 'tiny', command: ['pause'] }, 500, {
        onProgress: (event) => { if (event.done === 120) tell('now'); },
      });
    `);
    const left = await listed(engine);
    expect(left.length).toBeGreaterThanOrEqual(120);
    expect(left.length).toBeLessThan(500);
    expect(new Set(left.map(({ state }) => state.status))).toEqual(new Set(['running']));
    await expectAllAnswer(engine, left);
    await expectNoLeaks(engine);
  });

  test('in a batch of removals: those are finished or were not begun', async () => {
    const made = await own.engine.runMany(idle, 200);
    expect(made.filter(({ ok }) => !ok)).toEqual([]);
    const engine = await killed(`
      const all = await engine.containers.list();
      await engine.containers.remove(all.map(({ record }) => record.id), {
        force: true,
        onProgress: (event) => { if (event.done === 60) tell('now'); },
      });
    `);
    const left = await listed(engine);
    expect(left.length).toBeLessThanOrEqual(140);
    const running = left.filter(({ state }) => state.status === 'running');
    await expectAllAnswer(engine, running);
    const statuses = new Set(left.map(({ state }) => state.status));
    expect([...statuses].filter((status) => !['running', 'exited'].includes(status))).toEqual([]);
    await engine.system.leaks({ fix: true });
    await expectNoLeaks(engine);
  });

  test('in a batch of creations: whole containers are left, and they start', async () => {
    const engine = await killed(`
      await engine.containers.create(
        Array.from({ length: 1500 }, () => ({ image: 'tiny', command: ['pause'] })),
        { onProgress: (event) => { if (event.done >= 32) tell('now'); } },
      );
    `);
    const left = await listed(engine);
    expect(left.length).toBeGreaterThanOrEqual(32);
    expect(readdirSync(join(own.scope.dataRoot, 'containers'))).toHaveLength(left.length);
    await expectNoLeaks(engine);
    const [first] = left;
    if (first === undefined) throw new Error('Some were made');
    const handle = await engine.get(first.record.id);
    await handle.start();
    await expectAnswers([handle]);
  });

  test('while it stops, starts and updates containers: each is in one state or the other', async () => {
    const made = await own.engine.runMany(idle, 60);
    const ids = made.flatMap((result) => (result.ok ? [result.id] : []));
    const engine = await killed(`
      const ids = ${JSON.stringify(ids)};
      setTimeout(() => tell('now'), 250);
      for (;;) {
        await engine.containers.restart(ids, { timeoutMs: 0 });
        await engine.containers.update(ids, { resources: { pidsLimit: 20 } });
      }
    `);
    for (const { state } of await listed(engine))
      expect(['running', 'exited', 'created']).toContain(state.status);
    const started = await engine.containers.start(ids);
    expect(started.filter(({ ok }) => !ok)).toEqual([]);
    await expectAllAnswer(engine, await listed(engine));
    await expectNoLeaks(engine);
  });

  test('in the middle of building an image: the next one builds it', async () => {
    await own.engine.images.remove('tiny', { force: true });
    for (const pauseMs of [0, 2, 5, 10]) {
      const engine = await killed(`
        const building = engine.images.buildBase('tiny');
        setTimeout(() => tell('now'), ${pauseMs});
        await building;
      `);
      await engine.system.leaks({ fix: true });
      await expectNoLeaks(engine);
      await engine.images.buildBase('tiny');
      await using container = await engine.run(idle);
      await expectAnswers([container]);
      await container.remove({ force: true });
      await engine.images.remove('tiny', { force: true });
    }
  });

  test('a foreground run with --rm that is killed leaves its container to the reconcile process', async () => {
    const { child } = startCli(own.scope, [
      'run',
      '--rm',
      '--name',
      'orphan',
      'tiny',
      'sleep',
      '2',
    ]);
    await eventually('it runs', async () =>
      (await own.engine.containers.list()).some(({ record }) => record.name === 'orphan'),
    );
    child.kill('SIGKILL');
    await own.open();
    await eventually('it is removed', async () => (await listed(own.engine)).length === 0);
    await expectNoLeaks(own.engine);
  });

  test('a foreground run that dies with its parent takes the container with it', async () => {
    const { child } = startCli(own.scope, [
      ...['run', '--rm', '--die-with-parent', '--name', 'child', 'tiny', 'pause'],
    ]);
    await eventually('it runs', async () =>
      (await own.engine.containers.list()).some(({ record }) => record.name === 'child'),
    );
    child.kill('SIGKILL');
    await eventually('it ends', async () => (await own.engine.containers.list()).length === 0);
    await own.open();
    await eventually('it is removed', async () => (await listed(own.engine)).length === 0);
  });

  test('its locks end with it', async () => {
    const container = await own.engine.run({ ...idle, command: ['signal-echo'] });
    const victim = startEngineProcess(
      own.scope,
      `
      const container = await engine.get('${container.id}');
      setTimeout(() => tell('now'), 100);
      await container.stop({ timeoutMs: 600_000 });
    `,
    );
    await victim.printed('now');
    await delay(50);
    await victim.kill();
    expect(await container.stop({ timeoutMs: 0 })).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(join(own.scope.dataRoot, 'containers', container.id))).toBe(true);
  });
});

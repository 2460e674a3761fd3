import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import type { EngineEvent } from '../../../src/model/events.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('events of the past', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  async function past(engine: Engine, id: string): Promise<string[]> {
    const actions: string[] = [];
    const options = { sinceMs: 0, untilMs: Date.now(), filters: { container: [id] } };
    for await (const event of engine.events(options)) actions.push(event.action);
    return actions;
  }

  async function runOnce(engine: Engine): Promise<string> {
    const container = await engine.run({ image: 'tiny', command: ['true'] });
    await container.wait();
    await container.remove();
    return container.id;
  }

  const whole = ['create', 'start', 'die', 'destroy'];

  test('are told in their order, also by an engine that was not there, and have an end', async () => {
    const id = await runOnce(own.engine);
    expect(await past(own.engine, id)).toEqual(whole);
    await using later = await own.open();
    expect(await past(later, id)).toEqual(whole);
  });

  test('are told from one time to another', async () => {
    const before = await runOnce(own.engine);
    const all: EngineEvent[] = [];
    for await (const event of own.engine.events({ untilMs: Date.now() })) all.push(event);
    const die = all.find((event) => event.action === 'die' && event.id === before);
    const sinceMs = die?.timeMs ?? 0;
    const some: EngineEvent[] = [];
    for await (const event of own.engine.events({ sinceMs, untilMs: sinceMs })) some.push(event);
    expect(some).toContainEqual(die);
    expect(some.every(({ timeMs }) => timeMs === sinceMs)).toBe(true);
    expect(all.map(({ timeMs }) => timeMs)).toEqual(
      all.map(({ timeMs }) => timeMs).sort((a, b) => a - b),
    );
  });

  test('outlive their keeper, and those who follow go on with the next one', async () => {
    const id = await runOnce(own.engine);
    const stop = new AbortController();
    const seen: EngineEvent[] = [];
    let ready = (): void => undefined;
    const isReady = new Promise<void>((resolve) => (ready = resolve));
    const following = (async () => {
      for await (const event of own.engine.events({
        sinceMs: 0,
        signal: stop.signal,
        onReady: ready,
      }))
        seen.push(event);
    })();
    await isReady;
    const running = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const [keeper] = (await own.engine.system.info()).keepers;
    process.kill(keeper?.pid ?? 0, 'SIGKILL');
    await running.stop({ timeoutMs: 0 });
    await running.remove();
    expect(await past(own.engine, id)).toEqual(whole);
    const told = await past(own.engine, running.id);
    expect(told).toEqual(expect.arrayContaining([...whole, 'adopted']));
    await expect
      .poll(
        () => seen.filter((event) => event.type === 'container' && event.id === running.id).length,
      )
      .toBe(told.length);
    stop.abort();
    await following;
  });

  test('come once, when what happens now follows them', async () => {
    const stop = new AbortController();
    const counts = new Map<string, number>();
    const total = 20;
    let destroyed = 0;
    const sinceMs = Date.now();
    const running = own.engine.runMany(
      { image: 'tiny', command: ['pause'], autoRemove: true },
      total,
    );
    let ended: Promise<unknown> | undefined;
    // Joins while containers start; what it has missed and what it sees must be one whole.
    const onReady = (): void => {
      ended = running.then(async (results) =>
        own.engine.containers.remove(
          results.flatMap((result) => (result.ok ? [result.value.id] : [])),
          { force: true },
        ),
      );
    };
    for await (const event of own.engine.events({ sinceMs, signal: stop.signal, onReady })) {
      if (event.type !== 'container') continue;
      counts.set(
        `${event.id} ${event.action}`,
        (counts.get(`${event.id} ${event.action}`) ?? 0) + 1,
      );
      if (event.action === 'destroy' && ++destroyed === total) stop.abort();
    }
    await ended;
    expect([...counts].filter(([, count]) => count !== 1)).toEqual([]);
    for (const action of ['create', 'start']) {
      expect([...counts.keys()].filter((key) => key.endsWith(` ${action}`))).toHaveLength(total);
    }
  });
});

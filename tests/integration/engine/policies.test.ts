import { afterAll, beforeAll, expect, test } from 'vitest';
import { LinkedAbort } from '../../../src/base/abort.js';
import type { EngineEvent } from '../../../src/model/events.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('policies and live changes', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  /** Events until one fits; `act` happens once they are listened to. */
  async function eventsUntil(
    fits: (event: EngineEvent) => boolean,
    act: () => Promise<unknown>,
  ): Promise<EngineEvent[]> {
    using stop = new LinkedAbort(AbortSignal.timeout(15_000));
    const seen: EngineEvent[] = [];
    const events = own.engine.events({ signal: stop.signal });
    const iterator = events[Symbol.asyncIterator]();
    const first = iterator.next();
    await act();
    for (let next = await first; next.done !== true; next = await iterator.next()) {
      seen.push(next.value);
      if (fits(next.value)) break;
    }
    stop.abort();
    return seen;
  }

  test('on-failure restarts as often as it says', async () => {
    await using container = await own.engine.create({
      image: 'tiny',
      command: ['exit', '1'],
      restart: { name: 'on-failure', maximumRetryCount: 2 },
    });
    await container.start();
    expect(await container.wait()).toMatchObject({ code: 1 });
    expect(await container.state()).toMatchObject({ status: 'exited', restartCount: 2 });
  });

  test('a stopped container with always stays stopped', async () => {
    await using container = await own.engine.run({
      image: 'tiny',
      command: ['pause'],
      restart: { name: 'always' },
    });
    await container.stop({ timeoutMs: 0 });
    expect((await container.state()).status).toBe('exited');
    expect((await container.inspect()).record.stoppedByUser).toBe(true);
  });

  test('a container ends after its time to live', async () => {
    await using container = await own.engine.run({
      image: 'tiny',
      command: ['pause'],
      lease: { ttlMs: 100 },
    });
    expect(await container.wait()).toMatchObject({ reason: 'ttl' });
  });

  test('health goes from starting to healthy and to unhealthy', async () => {
    await using container = await own.engine.create({
      image: 'tiny',
      command: ['pause'],
      health: { test: ['true'], intervalMs: 50, timeoutMs: 5000 },
    });
    const seen = await eventsUntil(
      (event) => event.action === 'health_status',
      async () => container.start(),
    );
    expect(seen.at(-1)).toMatchObject({ id: container.id, health: 'healthy' });
    expect((await container.state()).health).toBe('healthy');
  });

  test('update changes limits of a running container and of its next run', async () => {
    await using container = await own.engine.run({
      image: 'tiny',
      command: ['pause'],
      resources: { pidsLimit: 10 },
    });
    await container.update({ resources: { pidsLimit: 20, memoryBytes: 64 * 2 ** 20 } });
    expect((await container.stats()).pids?.limit).toBe(20);
    expect((await container.stats()).memory?.limitBytes).toBe(64 * 2 ** 20);
    await container.restart({ timeoutMs: 0 });
    expect((await container.stats()).pids?.limit).toBe(20);
    const limits = await container.limits();
    expect(limits.find(({ resource }) => resource.includes('pids'))?.limit).toBe(20);
    await container.update({ resources: { pidsLimit: -1 } });
    expect((await container.inspect()).record.spec.resources.pidsLimit).toBeUndefined();
  });

  test('an impossible update changes nothing', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const update = container.update({ resources: { memoryBytes: 1000 } });
    await expect(update).rejects.toMatchObject({ kind: 'invalidArgument' });
    expect((await container.inspect()).record.spec.resources).toEqual({});
  });

  test('events of another engine are seen, with what the keeper tells', async () => {
    const other = await own.open();
    const seen = await eventsUntil(
      (event) => event.action === 'destroy',
      async () => {
        const container = await other.run({
          image: 'tiny',
          command: ['true'],
          labels: { purpose: 'events' },
        });
        await container.wait();
        await container.remove();
      },
    );
    const actions = seen.map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['create', 'start', 'die', 'destroy']));
    expect(seen.at(-1)).toMatchObject({ image: 'tiny', labels: { purpose: 'events' } });
  });

  test('waiting for the removal ends with it', async () => {
    const container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const waiting = container.wait({ condition: 'removed' });
    await container.remove({ force: true });
    await waiting;
  });
});

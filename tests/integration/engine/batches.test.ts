import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../src/engine/engine.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('batches', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('three hundred are launched, listed, stopped, started and removed by one call each', async () => {
    const { engine } = own;
    let last = 0;
    const made = await engine.runMany(
      { image: 'tiny', command: ['pause'], name: 'many', resources: { pidsLimit: 8 } },
      300,
      { onProgress: (event) => (last = event.kind === 'count' ? event.done : last) },
    );
    expect(made.filter(({ ok }) => !ok)).toEqual([]);
    expect(last).toBe(300);
    expect(await engine.containers.list()).toHaveLength(300);
    expect((await engine.get('many-300')).name).toBe('many-300');
    const ids = made.flatMap((result) => (result.ok ? [result.id] : []));
    const stopped = await engine.containers.stop(ids, { timeoutMs: 0 });
    expect(stopped.every((result) => result.ok && result.value !== null)).toBe(true);
    expect(await engine.containers.list()).toEqual([]);
    const started = await engine.containers.start(ids);
    expect(started.every(({ ok }) => ok)).toBe(true);
    expect(await engine.containers.stats()).toHaveLength(300);
    const removed = await engine.containers.remove(ids, { force: true });
    expect(removed.filter(({ ok }) => !ok)).toEqual([]);
    expect(await engine.system.leaks({ fix: false })).toEqual([]);
  });

  test('those that are named are killed by one call, also when they are all; others go on', async () => {
    const { engine } = own;
    const made = await engine.runMany({ image: 'tiny', command: ['pause'] }, 41);
    const all = made.flatMap((result) => (result.ok ? [result.value] : []));
    const [spared, ...named] = all;
    const kill = async (some: typeof all): Promise<void> => {
      const results = await engine.containers.kill(some.map(({ id }) => id));
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
      const ends = await Promise.all(some.map(async (each) => each.wait()));
      expect(ends.map(({ code, reason }) => `${code} ${reason}`)).toEqual(
        some.map(() => '137 kill'),
      );
    };
    await kill(named);
    expect((await engine.containers.list()).map(({ record }) => record.id)).toEqual([spared?.id]);
    await engine.containers.start(named.map(({ id }) => id));
    await kill(all);
    await engine.containers.remove(all.map(({ id }) => id));
    expect(await engine.system.leaks({ fix: false })).toEqual([]);
  });

  test('all of an engine are killed, and none of another one below the same cgroup', async () => {
    const { directory, cgroupParent } = own.scope;
    const open = async (name: string): Promise<Engine> =>
      await Engine.open({
        ...own.options,
        dataRoot: join(directory, name),
        runDir: join(directory, `${name}-run`),
        cgroupParent: `${cgroupParent}-shared`,
      });
    await using one = await open('one');
    await using other = await open('other');
    const spared = await other.run({ image: 'tiny', command: ['pause'] });
    const made = await one.runMany({ image: 'tiny', command: ['pause'] }, 40);
    const ids = made.flatMap((result) => (result.ok ? [result.value.id] : []));
    const killed = await one.containers.kill(ids);
    expect(killed.filter(({ ok }) => ok)).toHaveLength(40);
    expect(await spared.exec(['echo', 'here'])).toMatchObject({ stdout: 'here\n' });
    for (const engine of [one, other]) await engine.system.shutdown({ force: true });
  });

  test('one bad container does not spoil the batch', async () => {
    const { engine } = own;
    await using _taken = await engine.create({ image: 'tiny', command: ['true'], name: 'taken' });
    const results = await engine.containers.create([
      { image: 'tiny', command: ['true'], name: 'fine' },
      { image: 'tiny', command: ['true'], name: 'taken' },
      { image: 'tiny', command: ['true'], name: '!' },
      { image: 'missing', command: ['true'] },
    ]);
    expect(results.map((result) => (result.ok ? 'ok' : result.error.code))).toEqual([
      'ok',
      'NAME_IN_USE',
      'INVALID_NAME',
      'IMAGE_NOT_FOUND',
    ]);
    expect(readdirSync(join(own.scope.dataRoot, 'containers'))).toHaveLength(2);
    await engine.containers.remove(['fine']);
  });

  test('results name the reference that failed', async () => {
    const [result] = await own.engine.containers.stop(['nobody']);
    expect(result).toMatchObject({ ok: false, reference: 'nobody', error: { kind: 'notFound' } });
  });

  test('a canceled batch says what runs and leaves nothing half-made', async () => {
    const { engine } = own;
    const controller = new AbortController();
    const running = engine.runMany({ image: 'tiny', command: ['pause'] }, 2000, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.kind === 'count' && event.done === 40) controller.abort();
      },
    });
    const results = await running;
    const failures = results.flatMap((result) => (result.ok ? [] : [result.error.kind]));
    expect(new Set(failures)).toEqual(new Set(['canceled']));
    const left = await engine.containers.list({ all: true });
    expect(left).toHaveLength(results.length - failures.length);
    expect(left.every(({ state }) => state.status === 'running')).toBe(true);
    await engine.containers.remove(
      left.map(({ record }) => record.id),
      { force: true },
    );
    expect(await engine.system.leaks({ fix: false })).toEqual([]);
  });

  test('data root and run dir are closed to others', () => {
    for (const path of [own.scope.dataRoot, own.scope.runDir]) {
      expect(statSync(path).mode & 0o777).toBe(0o700);
    }
  });
});

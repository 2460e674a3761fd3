import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';

const program = join(import.meta.dirname, '..', 'fixtures', 'engine-process.mjs');

describeAsRoot('an engine whose parts are killed', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
    await (await own.engine.run({ image: 'tiny', command: ['true'] })).remove({ force: true });
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  /** Another process launches `count`; it is killed when it says `line`. */
  async function killedProcess(count: number, line: string, ...more: string[]): Promise<void> {
    const { dataRoot, runDir, cgroupParent } = own.scope;
    const args = [program, dataRoot, runDir, cgroupParent, String(count), ...more];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    for await (const said of createInterface({ input: child.stdout })) {
      if (said === line) child.kill('SIGKILL');
    }
    expect((await ended)[1]).toBe('SIGKILL');
  }

  /** Ids of the containers of each status; those that run answer, and there is nothing that no record explains. */
  async function expectTrue(engine: Engine): Promise<ReadonlyMap<string, readonly string[]>> {
    const byStatus = new Map<string, string[]>();
    for (const { record, state } of await engine.containers.list({ all: true }))
      byStatus.set(state.status, [...(byStatus.get(state.status) ?? []), record.id].sort());
    for (const id of (byStatus.get('running') ?? []).slice(0, 10)) {
      const container = await engine.get(id);
      expect((await container.exec(['echo', 'here'])).stdout).toBe('here\n');
    }
    expect(await engine.system.leaks({ fix: false })).toEqual([]);
    return byStatus;
  }

  async function removeAll(engine: Engine): Promise<void> {
    const listed = await engine.containers.list({ all: true });
    const results = await engine.containers.remove(
      listed.map(({ record }) => record.id),
      { force: true },
    );
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    expect(await engine.system.leaks({ fix: false })).toEqual([]);
  }

  test('a process killed in the middle of a batch: what was launched runs, the rest is undone', async () => {
    await killedProcess(600, '100');
    const engine = await own.open();
    const { running = [], ...others } = Object.fromEntries(await expectTrue(engine));
    expect(others).toEqual({});
    expect(running.length).toBeGreaterThanOrEqual(100);
    await removeAll(engine);
  });

  test('a process killed while it removes: what it had not ended yet runs, what it had ended says so', async () => {
    await killedProcess(200, 'removed 50', 'remove');
    const engine = await own.open();
    const { running = [], exited = [], ...others } = Object.fromEntries(await expectTrue(engine));
    expect(others).toEqual({});
    // All two hundred are ended at once, long before the last one is removed.
    expect(running.length + exited.length).toBeLessThanOrEqual(150);
    await removeAll(engine);
  });

  test('the keeper killed in the middle of a batch: containers run on, nothing lies', async () => {
    const { engine } = own;
    const { keepers } = await engine.system.info();
    let killed = false;
    const results = await engine.runMany({ image: 'tiny', command: ['pause'] }, 300, {
      onProgress: (event) => {
        if (event.kind !== 'count' || event.done < 60 || killed) return;
        killed = true;
        process.kill(keepers[0]?.pid ?? 0, 'SIGKILL');
      },
    });
    expect(killed).toBe(true);
    const started = results.flatMap((result) => (result.ok ? [result.id] : [])).sort();
    expect(started.length).toBeGreaterThanOrEqual(60);
    expect(Object.fromEntries(await expectTrue(engine))).toEqual({ running: started });
    await removeAll(engine);
  });
});

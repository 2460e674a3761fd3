import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errnoOf } from '../../../src/base/errors.js';
import { describeAsRoot } from '../../privileges.js';
import { Bytes } from './bytes.js';
import { type, type Client, type Reply } from './client.js';
import { Instance, program } from './instance.js';
import { execPlan, launchPlan, superviseOf, type Shape } from './plans.js';

const stdout = 2;

async function eventually(test: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + 10_000;
  while (!(await test())) {
    if (Date.now() > until) throw new Error('It did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function alive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** None of a process that is gone. */
function argumentsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

describeAsRoot('when parts of the keeper are killed', () => {
  let instance: Instance;
  let client: Client;

  beforeEach(async () => {
    instance = new Instance();
    expect(instance.start().stderr).toBe('');
    client = await instance.connect();
  });

  afterEach(async () => {
    await instance.end();
    expect(instance.cgroups()).toEqual([]);
    expect(instance.pids()).toEqual({ holder: 0, keeper: 0 });
  });

  async function launch(shape: Shape, flags = 0): Promise<Reply> {
    const reply = client.launch(shape, flags);
    return await reply.until((now) => now.pid > 0);
  }

  async function exec(shape: Shape, argv: readonly string[]): Promise<string> {
    const payload = new Bytes()
      .u32(stdout | 16)
      .str(shape.id)
      .u64(0)
      .u16(0)
      .u16(0);
    const reply = client.send(type.exec, payload.bytes(execPlan(shape, argv)));
    await reply.until((now) => now.exit !== undefined);
    return reply.output;
  }

  /** A new connection to whoever listens now. */
  async function reconnect(): Promise<void> {
    await eventually(async () => {
      try {
        client = await instance.connect();
        return true;
      } catch {
        return false;
      }
    });
  }

  test('the keeper comes back, containers never notice, exits in between are known', async () => {
    const shape = instance.shape('stays', ['pause']);
    const ends = instance.shape('ends', ['exit', '3']);
    const { pid } = await launch(shape);
    const short = await launch(instance.shape('short', ['sleep', '0.2']));
    await launch(ends);
    await client.waited('ends');
    const before = instance.pids();
    process.kill(before.keeper, 'SIGSTOP');
    await eventually(() => !alive(short.pid));
    process.kill(before.keeper, 'SIGKILL');
    await eventually(
      () => instance.pids().keeper !== before.keeper && instance.pids().keeper !== 0,
    );
    await reconnect();
    const states = await client.listed();
    expect(states.find(({ id }) => id === 'stays')).toMatchObject({ status: 2, pid });
    expect(states.find(({ id }) => id === 'ends')).toMatchObject({
      status: 5,
      exit: { how: 1, code: 3 },
    });
    expect(await client.waited('short')).toMatchObject({ how: 1, code: 0 });
    expect(instance.pids().holder).toBe(before.holder);
    expect(await exec(shape, ['init', 'hostname'])).toBe('stays\n');
    expect(await client.stopped('stays', 1000)).toMatchObject({ how: 1, code: 143, reason: 1 });
    expect(
      (await client.send(type.status).until((now) => now.status !== undefined)).status?.adopted,
    ).toBeGreaterThan(0);
    await client.forgotten(['stays', 'ends', 'short']);
  });

  test('keeper and holder: the next keeper adopts what runs', async () => {
    const shape = instance.shape('stays', ['pause'], { upper: true });
    const { pid } = await launch(shape);
    const gone = await launch(instance.shape('gone', ['sleep', '0.3']));
    const { holder, keeper } = instance.pids();
    process.kill(holder, 'SIGKILL');
    process.kill(keeper, 'SIGKILL');
    await eventually(() => !alive(gone.pid));
    expect(alive(pid)).toBe(true);
    expect(instance.start().stderr).toBe('');
    await reconnect();
    expect((await client.listed()).find(({ id }) => id === 'stays')).toMatchObject({
      status: 2,
      pid,
    });
    expect([1, 3]).toContain((await client.waited('gone')).how); // known only if nobody reaped it yet
    expect(await exec(shape, ['init', 'hostname'])).toBe('stays\n');
    const waiting = client.waited('stays');
    process.kill(pid, 'SIGKILL');
    expect((await waiting).how).toBeGreaterThan(1);
    await client.forgotten(['stays', 'gone']);
  });

  test('the holder alone: the keeper goes on', async () => {
    const shape = instance.shape('stays', ['pause']);
    await launch(shape);
    process.kill(instance.pids().holder, 'SIGKILL');
    await eventually(() => instance.log.includes('the keeper goes on without it'));
    expect(await exec(shape, ['init', 'hostname'])).toBe('stays\n');
    expect(await client.stopped('stays', 1000)).toMatchObject({ how: 1, code: 143 });
    await client.forgotten(['stays']);
    process.kill(instance.pids().keeper, 'SIGKILL');
    await eventually(() => instance.pids().keeper === 0);
  });

  test('in the middle of a thousand launches: what was confirmed runs, the rest leaves nothing', async () => {
    const shapes = Array.from({ length: 300 }, (_, i) => instance.shape(`m${i}`, ['pause']));
    const replies = shapes.map((shape) => client.launch(shape));
    await replies[100]?.until((now) => now.pid > 0);
    process.kill(instance.pids().keeper, 'SIGKILL');
    await eventually(() => client.ended);
    const confirmed = shapes.filter((_, i) => (replies[i]?.pid ?? 0) > 0).map(({ id }) => id);
    await reconnect();
    const listed = await client.listed();
    const running = listed.filter(({ status }) => status === 2).map(({ id }) => id);
    expect(running).toEqual(expect.arrayContaining(confirmed));
    expect(running.length - confirmed.length).toBeLessThan(20);
    await eventually(() => instance.cgroups().length === 2 * running.length);
    await Promise.all(running.map((id) => client.stopped(id, 0)));
    await client.forgotten(running);
    expect(await client.listed()).toEqual([]);
  });

  test('workers in the middle of launches: those fail or run, and leave nothing', async () => {
    const shapes = Array.from({ length: 200 }, (_, i) => instance.shape(`w${i}`, ['pause']));
    const replies = shapes.map((shape) => client.launch(shape));
    const { keeper } = instance.pids();
    for (const at of [20, 60, 100, 140]) {
      await replies[at]?.until((now) => now.pid > 0).catch(() => undefined);
      const children = readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'utf8')
        .trim()
        .split(' ');
      const worker = children.find((pid) => argumentsOf(pid)[1] === 'keeper');
      if (worker !== undefined) process.kill(Number(worker), 'SIGKILL');
    }
    const results = await Promise.allSettled(
      replies.map((reply) => reply.until((now) => now.pid > 0)),
    );
    const failed = results.filter(({ status }) => status === 'rejected').length;
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThanOrEqual(4);
    const running = (await client.listed()).map(({ id }) => id);
    expect(running).toHaveLength(200 - failed);
    await eventually(() => instance.cgroups().length === 2 * running.length);
    await Promise.all(running.map((id) => client.stopped(id, 0)));
    await client.forgotten(running);
    await eventually(
      () =>
        readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'utf8').trim().split(' ').length <=
        3,
    );
  });

  test('a container whose launch is cancelled or whose client leaves is undone or kept as asked', async () => {
    const shape = instance.shape('kept', ['pause']);
    client.launch(shape);
    const owned = instance.shape('owned', ['pause']);
    client.launch(owned, 8);
    const cancelled = instance.shape('cancelled', ['pause']);
    const payload = new Bytes()
      .u32(0)
      .u64(0)
      .bytes(superviseOf(cancelled))
      .bytes(launchPlan(cancelled));
    const { id, reply } = client.request(type.launch, payload);
    client.send(type.cancel, new Bytes().u64(id));
    await expect(reply.until((now) => now.pid > 0)).rejects.toMatchObject({ errno: 125 });
    client.close();
    await reconnect();
    await eventually(async () => {
      const states = await client.listed();
      return (
        states.length > 0 &&
        states.every((state) => (state.id === 'kept' ? state.status === 2 : state.status === 5))
      );
    });
    await client.stopped('kept', 0);
    await client.forgotten(['kept', 'owned']);
  });

  test('an upgrade keeps the process, its children and their exit codes', async () => {
    const shape = instance.shape('stays', ['sleep', '1.5'], {
      log: join(instance.scope.directory, 'log'),
    });
    const { pid } = await launch(shape);
    const before = instance.pids();
    await client.send(type.upgrade, new Bytes().str(program)).until((now) => now.done);
    await eventually(() => client.ended);
    await reconnect();
    expect(instance.pids()).toEqual(before);
    expect(await client.listed()).toMatchObject([{ id: 'stays', status: 2, pid }]);
    expect(await exec(shape, ['init', 'hostname'])).toBe('stays\n');
    expect(await client.waited('stays')).toMatchObject({ how: 1, code: 0 });
    await client.forgotten(['stays']);
    await expect(
      client.send(type.upgrade, new Bytes().str('/bin/true')).until((now) => now.done),
    ).rejects.toMatchObject({ errno: 8 });
    const io = join(instance.scope.runDir, 'io');
    expect(existsSync(io) ? readdirSync(io) : []).toEqual([]);
  });

  test('locks: one holder, waiters in turn, fences that grow, stale ones refused', async () => {
    const lock = (from: Client, timeoutMs: number, what: string): Promise<Reply> =>
      from
        .send(type.lock, new Bytes().str('name').u64(timeoutMs).str(what))
        .until((now) => now.fence > 0n);
    const other = await instance.connect();
    const { fence } = await lock(client, 0, 'first');
    await expect(lock(other, 0, 'second')).rejects.toThrow(/held by pid \d+ for first/);
    await expect(lock(other, 50, 'second')).rejects.toMatchObject({ errno: 110 });
    const shape = instance.shape('fenced', ['pause']);
    await client.launch(shape, 0, fence).until((now) => now.pid > 0);
    await client.stopped('fenced', 0);
    await client.forgotten(['fenced']);
    const waiting = lock(other, 5000, 'second');
    await client.send(type.unlock, new Bytes().u64(fence)).until((now) => now.done);
    const second = (await waiting).fence;
    expect(second > fence).toBe(true);
    const stale = client.launch(shape, 0, fence);
    await expect(stale.until((now) => now.pid > 0)).rejects.toMatchObject({ errno: 116 });
    const third = lock(client, 5000, 'third');
    other.close();
    expect((await third).fence > second).toBe(true);
    process.kill(instance.pids().keeper, 'SIGKILL');
    await eventually(() => client.ended);
    await reconnect();
    expect((await lock(client, 0, 'fourth')).fence > second).toBe(true);
  });
});

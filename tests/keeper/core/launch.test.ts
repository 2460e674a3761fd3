import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeAsRoot } from '../../privileges.js';
import { Bytes } from './bytes.js';
import { Refused, type Client, type } from './client.js';
import { Instance } from './instance.js';
import { execPlan, type Shape } from './plans.js';

const stdout = 2;
const owner = 8;

describeAsRoot('the keeper', () => {
  let instance: Instance;
  let client: Client;

  beforeAll(async () => {
    instance = new Instance();
    const started = instance.start();
    expect(started.stderr).toBe('');
    expect(started.stdout.trim()).toBe(instance.socket);
    client = await instance.connect();
  });

  afterAll(async () => {
    await instance.end();
    expect(instance.cgroups()).toEqual([]);
    expect(instance.pids()).toEqual({ holder: 0, keeper: 0 });
  });

  async function run(shape: Shape, flags = 0): Promise<{ code: number; output: string }> {
    const reply = client.launch(shape, flags);
    await reply.until((now) => now.pid > 0);
    const exit =
      flags & 7
        ? (await reply.until((now) => now.exit !== undefined)).exit
        : await client.waited(shape.id);
    await client.forgotten([shape.id]);
    return { code: exit?.code ?? -1, output: reply.output };
  }

  test('start is idempotent and fails with one line for a bad run dir', () => {
    expect(instance.start().stdout.trim()).toBe(instance.socket);
  });

  test('a container runs with its own ids, host name and pid', async () => {
    const shape = instance.shape('echo', ['echo', 'hello'], { upper: true });
    expect(await run(shape, stdout)).toEqual({ code: 0, output: 'hello\n' });
    expect(await run(instance.shape('id', ['id']), stdout)).toMatchObject({ code: 0 });
    expect((await run(instance.shape('box', ['hostname']), stdout)).output).toBe('box\n');
    expect(instance.cgroups()).toEqual([]);
  });

  test('exit codes and signals are told apart', async () => {
    expect((await run(instance.shape('seven', ['exit', '7']))).code).toBe(7);
    const shape = instance.shape('paused', ['pause']);
    await client.launch(shape).until((now) => now.pid > 0);
    await client
      .send(type.signal, new Bytes().str('paused').u32(9).u8(0).u64(0))
      .until((now) => now.done);
    expect(await client.waited('paused')).toMatchObject({ how: 2, code: 9, reason: 2 });
    await client.forgotten(['paused']);
  });

  test('many are signalled by one request, and each has its own answer', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `many-${i}`);
    await Promise.all(
      names.map(async (name) =>
        client.launch(instance.shape(name, ['pause'])).until((now) => now.pid > 0),
      ),
    );
    await client.stopped('many-3');
    const payload = new Bytes()
      .u32(9)
      .u8(1)
      .strings([...names, 'unknown']);
    const reply = await client.send(type.signalMany, payload).until((now) => now.done);
    expect(reply.errnos).toEqual([...names.map((name) => (name === 'many-3' ? 3 : 0)), 2]);
    const ends = await Promise.all(names.map(async (name) => client.waited(name)));
    expect(ends.map(({ reason }) => reason)).toEqual(names.map((n) => (n === 'many-3' ? 1 : 2)));
    await client.forgotten(names);
  });

  test('all of the keeper’s group are killed by one request, but nobody who was not named', async () => {
    const group = instance.makeGroup('containers-0-01234567');
    const inside = ['all-0', 'all-1', 'all-2'];
    const start = async (name: string, more: Partial<Shape> = {}): Promise<unknown> =>
      client.launch(instance.shape(name, ['pause'], more)).until((now) => now.pid > 0);
    for (const name of inside) await start(name, { cgroupParent: group });
    await start('elsewhere');
    const killAll = async (names: readonly string[]): Promise<{ errnos: readonly number[] }> =>
      client
        .send(type.killAll, new Bytes().strings([...names]))
        .until((now) => now.errnos.length > 0);
    const busy = { errno: 16, path: group };
    await expect(killAll(inside.slice(1))).rejects.toMatchObject(busy);
    await expect(killAll([...inside, 'elsewhere'])).rejects.toMatchObject(busy);
    await client.stopped('all-1');
    const { errnos } = await killAll([...inside, 'unknown']);
    expect(errnos).toEqual([0, 3, 0, 2]);
    for (const name of ['all-0', 'all-2'])
      expect(await client.waited(name)).toMatchObject({ how: 2, code: 9, reason: 2 });
    const listed = await client.listed();
    expect(listed.find(({ id }) => id === 'elsewhere')).toMatchObject({ status: 2 });
    await client.stopped('elsewhere');
    await client.forgotten([...inside, 'elsewhere']);
    instance.removeGroup('containers-0-01234567');
  });

  test('a signal to whole cgroups that walks them is not one for many', async () => {
    const hostile = await instance.connect();
    hostile.send(type.signalMany, new Bytes().u32(15).u8(1).strings([]));
    await expect.poll(() => hostile.ended).toBe(true);
  });

  test('a program that does not exist is an error of the exec, not an exit', async () => {
    const shape = instance.shape('missing', [], { program: '/bin/nothing' });
    const failure = await client
      .launch(shape)
      .until((now) => now.pid > 0)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Refused);
    expect(failure).toMatchObject({ errno: 2, phase: 5, operation: 25, path: '/bin/nothing' });
    expect(await client.listed()).toEqual([]);
    expect(instance.cgroups()).toEqual([]);
  });

  test('a bind source that does not exist names the operation and the path', async () => {
    const shape = instance.shape('bind', ['true'], {
      binds: [{ source: '/no/such/place', target: '/mnt' }],
    });
    const reply = client.launch(shape);
    await expect(reply.until((now) => now.pid > 0)).rejects.toMatchObject({
      errno: 2,
      operation: 9,
      path: '/no/such/place',
    });
    const good = instance.shape('bind', ['ls', '/mnt'], {
      binds: [{ source: instance.scope.runDir, target: '/mnt' }],
    });
    expect((await run(good, stdout)).code).toBe(1);
    const open = instance.shape('bind', ['ls', '/mnt'], {
      binds: [{ source: '/usr/share', target: '/mnt' }],
    });
    expect((await run(open, stdout)).output).toContain('doc');
  });

  test('the memory limit is reported when it killed', async () => {
    const shape = instance.shape('eater', ['eat-memory', '64m'], { memory: '16777216' });
    await client.launch(shape).until((now) => now.pid > 0);
    expect(await client.waited('eater')).toMatchObject({ how: 2, code: 9, oomKilled: true });
    await client.forgotten(['eater']);
  });

  test('exec runs in the container, streams its output and tells its exit', async () => {
    const shape = instance.shape('host', ['pause']);
    await client.launch(shape).until((now) => now.pid > 0);
    const payload = (argv: string[]): Bytes =>
      new Bytes()
        .u32(stdout | 16)
        .str('host')
        .u64(0)
        .u16(0)
        .u16(0)
        .bytes(execPlan(shape, argv));
    const hostname = client.send(type.exec, payload(['init', 'hostname']));
    await hostname.until((now) => now.exit !== undefined);
    expect(hostname).toMatchObject({ output: 'host\n', exit: { how: 1, code: 0 } });
    const many = Array.from({ length: 50 }, (_, i) =>
      client.send(type.exec, payload(['init', 'exit', String(i)])),
    );
    for (const [i, reply] of many.entries())
      expect((await reply.until((now) => now.exit !== undefined)).exit?.code).toBe(i);
    expect((await client.stopped('host')).reason).toBe(1);
    await client.forgotten(['host']);
  });

  test('freeze, thaw, stop with a signal that is ignored', async () => {
    const shape = instance.shape('stubborn', ['signal-echo']);
    const reply = client.launch(shape, stdout);
    await reply.until((now) => now.pid > 0);
    const freeze = (frozen: number): Promise<unknown> =>
      client.send(type.freeze, new Bytes().str('stubborn').u8(frozen)).until((now) => now.done);
    await freeze(1);
    expect(await client.listed()).toMatchObject([{ id: 'stubborn', status: 3 }]);
    await freeze(0);
    expect(await client.listed()).toMatchObject([{ id: 'stubborn', status: 2 }]);
    expect(await client.stopped('stubborn', 300)).toMatchObject({ how: 2, code: 9, reason: 1 });
    expect(reply.output).toContain('TERM');
    await client.forgotten(['stubborn']);
  });

  test('a container ends with the connection that owns it', async () => {
    const other = await instance.connect();
    const shape = instance.shape('owned', ['pause']);
    await other.launch(shape, owner).until((now) => now.pid > 0);
    const waited = client.waited('owned');
    other.close();
    expect(await waited).toMatchObject({ how: 2, code: 9, reason: 5 });
    await client.forgotten(['owned']);
  });

  test('it starts again by its policy, until stop', async () => {
    const shape = instance.shape('again', ['exit', '1'], { restart: { policy: 1, retries: 2 } });
    await client.launch(shape).until((now) => now.pid > 0);
    expect(await client.waited('again')).toMatchObject({ how: 1, code: 1 });
    expect(await client.listed()).toMatchObject([{ id: 'again', status: 5, restarts: 2 }]);
    await client.forgotten(['again']);
    const always = instance.shape('always', ['exit', '0'], { restart: { policy: 2, retries: 0 } });
    await client.launch(always).until((now) => now.pid > 0);
    await client
      .send(type.wait, new Bytes().str('always').u8(1))
      .until((now) => now.exit !== undefined);
    await client.stopped('always');
    expect(await client.listed()).toMatchObject([{ id: 'always', status: 5 }]);
    await client.forgotten(['always']);
    expect(readdirSync(join(instance.scope.runDir, 'plans'))).toEqual([]);
  });

  test('a thousand launches in one go all run, and all go', async () => {
    const shapes = Array.from({ length: 1000 }, (_, i) =>
      instance.shape(`many-${i}`, ['pause'], { network: false }),
    );
    const replies = shapes.map((shape) => client.launch(shape));
    for (const reply of replies) await reply.until((now) => now.pid > 0);
    expect((await client.listed()).filter(({ status }) => status === 2)).toHaveLength(1000);
    const ids = shapes.map(({ id }) => id);
    await Promise.all(ids.map((id) => client.stopped(id, 0)));
    await client.forgotten(ids);
    expect(await client.listed()).toEqual([]);
    expect(instance.cgroups()).toEqual([]);
    const status = (await client.send(type.status).until((now) => now.status !== undefined)).status;
    expect(status?.running).toBe(0);
    expect(
      existsSync(join(instance.scope.runDir, 'io'))
        ? readdirSync(join(instance.scope.runDir, 'io'))
        : [],
    ).toEqual([]);
  });
});

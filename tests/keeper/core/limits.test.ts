import { execFile, execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeAsRoot } from '../../privileges.js';
import { Bytes } from './bytes.js';
import { type, type Client } from './client.js';
import { hierarchies, Instance, program } from './instance.js';

describeAsRoot('the limits of a keeper', () => {
  let instance: Instance;

  beforeEach(() => {
    instance = new Instance();
  });

  afterEach(async () => {
    await instance.end();
    expect(instance.cgroups()).toEqual([]);
    expect(instance.pids()).toEqual({ holder: 0, keeper: 0 });
  });

  async function runningOf(client: Client): Promise<string[]> {
    const listed = await client.listed();
    return listed.filter(({ status }) => status === 2).map(({ id }) => id);
  }

  function startArguments(): string[] {
    const { runDir, dataRoot } = instance.scope;
    const mounted = hierarchies().flatMap(({ name, root }) => ['--hierarchy', `${name}=${root}`]);
    const places = ['--run-dir', runDir, '--data-root', dataRoot, '--instance', '0'];
    return ['start', ...places, '--cgroup', `${instance.parent}/keeper`, ...mounted];
  }

  test('its descriptors are a budget: what does not fit is refused, the rest goes on', async () => {
    execFileSync('prlimit', ['--nofile=256', program, ...startArguments()]);
    const client = await instance.connect();
    const shapes = Array.from({ length: 250 }, (_, i) =>
      instance.shape(`c${i}`, ['pause'], { network: false }),
    );
    const replies = shapes.map((shape) => client.launch(shape).until((now) => now.pid > 0));
    const results = await Promise.allSettled(replies);
    const refused = results.filter((result) => result.status === 'rejected');
    for (const { reason } of refused)
      expect(reason).toMatchObject({ errno: constants.errno.EMFILE });
    expect((await runningOf(client)).length + refused.length).toBe(250);
    // A launch under way takes more of them than a container that runs: one after the other, more fit.
    let last: unknown;
    for (let i = 0; i < 250 && last === undefined; i += 1) {
      const launch = client.launch(instance.shape(`d${i}`, ['pause'], { network: false }));
      last = await launch
        .until((now) => now.pid > 0)
        .then(
          () => undefined,
          (error: unknown) => error,
        );
    }
    expect(last).toMatchObject({ errno: constants.errno.EMFILE });
    const running = await runningOf(client);
    expect(running.length).toBeGreaterThan(100);
    await Promise.all(running.map((id) => client.stopped(id, 0)));
    await client.forgotten(running);
    const again = instance.shape('again', ['pause']);
    await client.launch(again).until((now) => now.pid > 0);
    await client.stopped('again', 0);
    await client.forgotten(['again']);
  });

  test('of fifty that start it at once, one does, and all are told the same', async () => {
    const run = promisify(execFile);
    const started = await Promise.all(
      Array.from({ length: 50 }, () => run(program, startArguments())),
    );
    expect(new Set(started.map(({ stdout }) => stdout.trim()))).toEqual(new Set([instance.socket]));
    expect(instance.pids().holder).toBeGreaterThan(0);
  });

  test('a client with a thousand launches does not hold up another', async () => {
    instance.start();
    const busy = await instance.connect();
    const other = await instance.connect();
    const shapes = Array.from({ length: 600 }, (_, i) =>
      instance.shape(`b${i}`, ['pause'], { network: false }),
    );
    const replies = shapes.map((shape) => busy.launch(shape));
    await replies[0]?.until((now) => now.pid > 0);
    await other.launch(instance.shape('quick', ['pause'])).until((now) => now.pid > 0);
    // In the order of their coming it would be the last.
    const begun = replies.filter((reply) => reply.pid > 0).length;
    expect(begun).toBeLessThan(shapes.length);
    for (const reply of replies) await reply.until((now) => now.pid > 0);
    const shutdown = other.send(type.shutdown, new Bytes().u8(0));
    await expect(shutdown.until((now) => now.done)).rejects.toMatchObject({ errno: 16 });
  });

  test('it ends by itself when nobody needs it, and takes no longer than that', async () => {
    instance.start('--idle-exit-ms', '200');
    const client = await instance.connect();
    const shape = instance.shape('short', ['true']);
    await client.launch(shape).until((now) => now.pid > 0);
    await client.waited('short');
    client.close();
    const until = Date.now() + 5000;
    while (instance.pids().holder !== 0 && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(instance.pids()).toEqual({ holder: 0, keeper: 0 });
    instance.start();
    const next = await instance.connect();
    expect(await next.listed()).toMatchObject([
      { id: 'short', status: 5, exit: { how: 1, code: 0 } },
    ]);
    await next.forgotten(['short']);
  });

  test('frames that are none end the connection, with a word', async () => {
    instance.start();
    const client = await instance.connect();
    const { reply } = client.request(type.launch, new Bytes().u32(77));
    await expect(reply.until((now) => now.pid > 0)).rejects.toMatchObject({ errno: 74 });
    const other = await instance.connect();
    expect(await other.listed()).toEqual([]);
  });

  test.each([
    [['start'], /--run-dir/],
    [['start', '--run-dir', 'relative'], /--run-dir/],
    [['start', '--run-dir', '/tmp', '--data-root', '/tmp', '--hierarchy', 'unified=/'], /0700/],
  ])('start %j fails with one line', (args, message) => {
    let text = '';
    try {
      execFileSync(program, args, { stdio: 'pipe' });
    } catch (error) {
      text = String((error as { stderr: Buffer }).stderr);
    }
    expect(text).toMatch(message);
    expect(text.trim().split('\n')).toHaveLength(1);
  });
});

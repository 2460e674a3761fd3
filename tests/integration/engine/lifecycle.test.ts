import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('the life of a container', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('run starts it, stop ends it by its stop signal, remove takes it away', async () => {
    const container = await own.engine.run({ image: 'tiny', command: ['pause'], name: 'web' });
    const running = await container.state();
    expect(running).toMatchObject({ status: 'running', restartCount: 0, health: 'none' });
    expect(running.pid).toBeGreaterThan(0);
    const exit = await container.stop();
    expect(exit).toMatchObject({ reason: 'stop', oomKilled: false });
    expect(await container.state()).toMatchObject({ status: 'exited', pid: 0 });
    expect((await container.state()).lastExit).toEqual(exit);
    await container.remove();
    await expect(own.engine.get('web')).rejects.toThrow('No such container: web');
  });

  test('create, start and start again keep one container with a growing generation', async () => {
    const container = await own.engine.create({ image: 'tiny', command: ['true'] });
    expect((await container.state()).status).toBe('created');
    await container.start();
    expect(await container.wait()).toMatchObject({ code: 0, signal: null, reason: 'own' });
    await container.start();
    expect(await container.wait()).toMatchObject({ code: 0 });
    const { record } = await container.inspect();
    expect(record.run?.generation).toBe(2);
    await container.remove();
  });

  test('start of a running container and stop of a stopped one change nothing', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const { pid } = await container.state();
    await container.start();
    expect((await container.state()).pid).toBe(pid);
    const exit = await container.stop({ timeoutMs: 0 });
    expect(await container.stop()).toEqual(exit);
  });

  test('an exit code and a signal are told apart', async () => {
    await using ended = await own.engine.run({ image: 'tiny', command: ['exit', '7'] });
    expect(await ended.wait()).toMatchObject({ code: 7, signal: null });
    await using killed = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const waiting = killed.wait();
    await killed.kill();
    expect(await waiting).toMatchObject({ code: 137, signal: 'SIGKILL', reason: 'kill' });
  });

  test('pause freezes, unpause lets go on, and neither fits the other status', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    await container.pause();
    expect((await container.state()).status).toBe('paused');
    await expect(container.pause()).rejects.toThrow('it is paused');
    await expect(container.exec(['true'])).rejects.toThrow('it is paused');
    await container.unpause();
    expect((await container.state()).status).toBe('running');
    await expect(container.unpause()).rejects.toThrow('it is running');
  });

  test('restart gives it a new process under the same id', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const before = await container.state();
    await container.restart({ timeoutMs: 0 });
    const after = await container.state();
    expect(after.status).toBe('running');
    expect(after.pid).not.toBe(before.pid);
  });

  test('rename moves the name, and a name in use is refused', async () => {
    await using first = await own.engine.create({ image: 'tiny', command: ['true'], name: 'one' });
    await using _second = await own.engine.create({
      image: 'tiny',
      command: ['true'],
      name: 'two',
    });
    await expect(first.rename('two')).rejects.toMatchObject({ code: 'NAME_IN_USE' });
    await first.rename('three');
    expect((await own.engine.get('three')).id).toBe(first.id);
    expect(first.name).toBe('three');
  });

  test('a running container is removed only by force', async () => {
    const container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    await expect(container.remove()).rejects.toMatchObject({ kind: 'conflict' });
    await container.remove({ force: true });
    await expect(container.state()).rejects.toMatchObject({ kind: 'notFound' });
  });

  test('autoRemove goes with the end, and wait tells how it ended', async () => {
    const container = await own.engine.run({
      image: 'tiny',
      command: ['exit', '3'],
      autoRemove: true,
    });
    expect(await container.wait()).toMatchObject({ code: 3 });
    await expect(own.engine.get(container.id)).rejects.toMatchObject({ kind: 'notFound' });
  });

  test('another engine of the data root sees the same and can act', async () => {
    const other = await own.open();
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const seen = await other.get(container.id.slice(0, 12));
    expect(await seen.state()).toEqual(await container.state());
    await seen.kill();
    expect(await container.wait()).toMatchObject({ signal: 'SIGKILL' });
  });

  test('a command that does not exist is told as such and leaves nothing', async () => {
    const before = (await own.engine.containers.list({ all: true })).length;
    const missing = own.engine.run({ image: 'tiny', command: ['no-such-program'] });
    await expect(missing).rejects.toMatchObject({ kind: 'commandNotFound' });
    const directory = own.engine.run({ image: 'tiny', command: ['/etc'] });
    await expect(directory).rejects.toMatchObject({ kind: 'commandNotExecutable' });
    expect((await own.engine.containers.list({ all: true })).length).toBe(before);
    expect(await own.engine.system.leaks({ fix: false })).toEqual([]);
  });

  test('a failed start of an existing container leaves it as it was', async () => {
    await using container = await own.engine.create({
      image: 'tiny',
      command: ['no-such-program'],
    });
    await expect(container.start()).rejects.toMatchObject({ kind: 'commandNotFound' });
    expect((await container.state()).status).toBe('created');
  });

  test('wait can be canceled', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const waiting = container.wait({ signal: AbortSignal.timeout(20) });
    await expect(waiting).rejects.toThrow(/cancel|time/);
  });

  describe('bad references', () => {
    test('an unknown image', async () => {
      const run = own.engine.run({ image: 'no-such-image', command: ['true'] });
      await expect(run).rejects.toMatchObject({ kind: 'notFound' });
    });

    test('a bind source that is missing', async () => {
      const run = own.engine.run({
        image: 'tiny',
        command: ['true'],
        mounts: [{ type: 'bind', source: '/no/such/place', target: '/x' }],
      });
      await expect(run).rejects.toMatchObject({ code: 'BIND_SOURCE_MISSING' });
    });
  });
});

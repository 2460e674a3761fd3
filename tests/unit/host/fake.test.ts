import { describe, expect, test } from 'vitest';
import { FakeHost } from '../../../src/host/fake/fake-host.js';
import { BinaryWriter } from '../../../src/base/binary.js';

function launch(id: string) {
  return { supervise: new BinaryWriter().str(id).toBytes(), plan: new Uint8Array(), fence: 0n };
}

describe('the fake host', () => {
  test('records calls and keeps a table of containers', async () => {
    const host = new FakeHost();
    const keeper = await host.keeper(0);
    const launched = await keeper.launch(launch('abc'));
    expect(await keeper.containers.list()).toMatchObject([
      { container: 'abc', status: 'running', pid: launched.pid },
    ]);
    await keeper.containers.stop('abc', 15, 100);
    await expect(launched.exit).resolves.toMatchObject({
      how: 'signaled',
      code: 15,
      reason: 'stop',
    });
    await keeper.containers.forget(['abc']);
    await expect(keeper.containers.wait('abc', 'not-running')).rejects.toMatchObject({
      code: 'NOT_SUPERVISED',
    });
    expect(host.fakeKeeper().calls.map(({ call }) => call)).toEqual([
      'launch',
      'list',
      'stop',
      'forget',
      'wait',
    ]);
  });

  test('answers as a test says', async () => {
    const host = new FakeHost({
      onRun: () => ({ code: 1, signal: null, stdout: '', stderr: 'no' }),
    });
    host.fakeKeeper().answers.before = ({ call }) => {
      if (call === 'launch') throw new Error('refused');
    };
    await expect((await host.keeper(0)).launch(launch('abc'))).rejects.toThrow('refused');
    await expect(host.run('x', [])).resolves.toMatchObject({ code: 1 });
  });

  test('delivers events to its readers', async () => {
    const keeper = new FakeHost().fakeKeeper();
    const controller = new AbortController();
    const read = (async () => {
      const kinds: string[] = [];
      for await (const event of keeper.events({ signal: controller.signal })) {
        kinds.push(event.kind);
        if (kinds.length === 2) controller.abort();
      }
      return kinds;
    })();
    keeper.emit({ kind: 'started', container: 'abc' });
    keeper.emit({ kind: 'exited', container: 'abc' });
    await expect(read).resolves.toEqual(['started', 'exited']);
  });

  test('keeps cgroup files in memory', async () => {
    const { cgroups } = new FakeHost();
    const group = { hierarchy: 0, path: 'warren/abc' };
    expect(() => {
      cgroups.write(group, 'pids.max', '5');
    }).toThrow(/ENOENT/);
    cgroups.make(group);
    cgroups.write(group, 'pids.max', '5');
    expect(cgroups.read(group, 'pids.max')).toBe('5');
    expect(cgroups.children({ hierarchy: 0, path: '' })).toEqual(['warren']);
    expect(cgroups.children({ hierarchy: 0, path: 'warren' })).toEqual(['abc']);
    expect(cgroups.remove(group)).toBe(true);
    expect(cgroups.remove(group)).toBe(false);
  });
});

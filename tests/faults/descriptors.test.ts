import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import { expectNoLeaks, removeAll } from './fixtures/containers.js';
import { cliProgram, engineEnvironment } from './fixtures/engine-process.js';

const execute = promisify(execFile);

describeAsRoot('with 256 descriptors for a process', () => {
  let own: TestEngine;

  beforeEach(async () => {
    own = await openTestEngine();
  });

  afterEach(async () => {
    await removeAll(own.engine);
    await expectNoLeaks(own.engine);
    await own[Symbol.asyncDispose]();
  });

  /** The command line under that limit, which the keepers that it starts inherit. */
  async function limited(...args: readonly string[]): Promise<string> {
    const command = ['--nofile=256:256', process.execPath, cliProgram, ...args];
    const { stdout } = await execute('prlimit', command, { env: engineEnvironment(own.scope) });
    return stdout.trim();
  }

  test('a second keeper is started, and its containers are used like the others', async () => {
    const ids = (await limited('run', '-d', '--count', '80', 'tiny', 'pause')).split('\n');
    expect(new Set(ids).size).toBe(80);
    const info = await own.engine.system.info();
    expect(info.keepers.length).toBeGreaterThanOrEqual(2);
    for (const { fdLimit, fdUsed, containers } of info.keepers) {
      expect(fdLimit).toBeLessThan(256);
      expect(fdUsed).toBeLessThanOrEqual(fdLimit);
      expect(containers).toBeGreaterThan(0);
    }
    expect((await limited('ps', '-q', '--no-trunc')).split('\n').sort()).toEqual([...ids].sort());
    for (const id of ids) {
      const { record } = await (await own.engine.get(id)).inspect();
      // What a keeper kills as a whole are its own.
      expect(record.cgroupPath).toContain(`/containers-${record.run?.keeper ?? 'none'}-`);
    }
    for (const id of [ids[0], ids.at(-1)])
      expect(await limited('exec', id ?? '', 'echo', 'here')).toBe('here');
    await limited('kill', ...ids);
    await limited('wait', ...ids);
    expect(await limited('ps', '-q')).toBe('');
  });
});

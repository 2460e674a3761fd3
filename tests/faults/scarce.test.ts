import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestEngine, type TestEngine } from '../fixtures/engine.js';
import { describeAsRoot } from '../privileges.js';
import { newScope, type TestScope } from '../scope.js';
import { expectNoLeaks, removeAll } from './fixtures/containers.js';
import { cli, cliProgram, engineEnvironment } from './fixtures/engine-process.js';

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
    for (const id of [ids[0], ids.at(-1)])
      expect(await limited('exec', id ?? '', 'echo', 'here')).toBe('here');
    await limited('kill', ...ids);
    await limited('wait', ...ids);
    expect(await limited('ps', '-q')).toBe('');
  });
});

describeAsRoot('with a data root on a full disk', () => {
  let scope: TestScope;
  const filler = (): string => join(scope.dataRoot, 'filler');

  beforeEach(() => {
    scope = newScope();
    mkdirSync(scope.dataRoot, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=700', 'none', scope.dataRoot]);
  });

  afterEach(async () => {
    await cli(scope, ['keeper', 'stop', '--force']);
    execFileSync('umount', [scope.dataRoot]);
    rmSync(scope.directory, { recursive: true });
  });

  function fill(): void {
    for (let bytes = 2 ** 20; bytes >= 4096;) {
      try {
        writeFileSync(filler(), Buffer.alloc(bytes), { flag: 'a' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
        bytes /= 2;
      }
    }
  }

  test('commands say so and leave nothing, what runs goes on, and all works again with space', async () => {
    expect(await cli(scope, ['run', '-d', '--name', 'old', 'tiny', 'pause'])).toMatchObject({
      code: 0,
    });
    fill();
    for (const args of [
      ['run', '-d', '--name', 'new', 'tiny', 'pause'],
      ['create', '--name', 'new', 'tiny', 'pause'],
    ]) {
      const { code, stderr } = await cli(scope, args);
      expect(code).toBeGreaterThan(0);
      expect(stderr).toMatch(/no space|disk/i);
    }
    expect(await cli(scope, ['exec', 'old', 'echo', 'here'])).toMatchObject({
      code: 0,
      stdout: 'here\n',
    });
    expect(await cli(scope, ['logs', 'old'])).toMatchObject({ code: 0 });
    expect((await cli(scope, ['ps', '-a', '--format', '{{.Names}}'])).stdout).toBe('old\n');
    rmSync(filler());
    expect((await cli(scope, ['doctor', '--leaks'])).code).toBe(0);
    expect(await cli(scope, ['run', '--rm', 'tiny', 'echo', 'again'])).toMatchObject({
      code: 0,
      stdout: 'again\n',
    });
    expect(await cli(scope, ['rm', '-f', 'old'])).toMatchObject({ code: 0 });
  });
});

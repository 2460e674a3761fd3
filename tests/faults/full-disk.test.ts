import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeAsRoot } from '../privileges.js';
import { newScope, type TestScope } from '../scope.js';
import { cli, type CliResult } from './fixtures/engine-process.js';

const mebibyte = 2 ** 20;

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

  /** Takes all the space but some. */
  function fill(leaveBytes = 0): void {
    const left = join(scope.dataRoot, 'left');
    writeFileSync(left, Buffer.alloc(leaveBytes));
    for (let bytes = mebibyte; bytes >= 4096;) {
      try {
        writeFileSync(filler(), Buffer.alloc(bytes), { flag: 'a' });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
        bytes /= 2;
      }
    }
    rmSync(left);
  }

  /** A file or a build context beside the data root. */
  function given(name: string, content: string | Buffer): string {
    const path = join(scope.directory, name);
    writeFileSync(path, content);
    return path;
  }

  async function succeeds(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await cli(scope, args);
    expect(code, stderr).toBe(0);
    return stdout;
  }

  /** With a message that says why, and no word of a fault in the program. */
  async function failsFull(...args: readonly string[]): Promise<CliResult> {
    const result = await cli(scope, args);
    expect(result.code, args.join(' ')).toBeGreaterThan(0);
    expect(result.stderr).toMatch(/no space|disk/i);
    expect(result.stderr).not.toMatch(/internal|fault in warren|at .*\.js/i);
    return result;
  }

  /** Everything below the data root but the database, and what a failed attempt keeps for the next for a day. */
  function files(): string[] {
    return readdirSync(scope.dataRoot, { recursive: true, encoding: 'utf8' })
      .filter((path) => !/^(records|filler$|images\/leases\/0-0-)/.test(path))
      .sort();
  }

  test('commands say so and leave nothing, what runs goes on, and all works again with space', async () => {
    await succeeds('run', '-d', '--name', 'old', 'tiny', 'pause');
    fill();
    await failsFull('run', '-d', '--name', 'new', 'tiny', 'pause');
    await failsFull('create', '--name', 'new', 'tiny', 'pause');
    expect(await succeeds('exec', 'old', 'echo', 'here')).toBe('here\n');
    await succeeds('logs', 'old');
    expect(await succeeds('ps', '-a', '--format', '{{.Names}}')).toBe('old\n');
    rmSync(filler());
    await succeeds('doctor', '--leaks');
    expect(await succeeds('run', '--rm', 'tiny', 'echo', 'again')).toBe('again\n');
    await succeeds('rm', '-f', 'old');
  });

  test('what is there can be changed, stopped and removed', async () => {
    await succeeds('run', '-d', '--name', 'one', '--pids-limit', '10', 'tiny', 'pause');
    await succeeds('run', '-d', '--name', 'two', 'tiny', 'pause');
    await succeeds('volume', 'create', 'data');
    fill();
    await succeeds('update', '--pids-limit', '20', 'one');
    await succeeds('rename', 'one', 'first');
    expect(await succeeds('inspect', '--format', '{{.HostConfig.PidsLimit}}', 'first')).toBe(
      '20\n',
    );
    await succeeds('kill', 'two');
    expect(await succeeds('wait', 'two')).toBe('137\n');
    await succeeds('rm', '-f', 'first', 'two');
    await succeeds('volume', 'rm', 'data');
    expect(await succeeds('ps', '-aq')).toBe('');
    await succeeds('doctor', '--leaks');
  });

  test('a copy leaves what was there as it was, on both sides', async () => {
    const small = given('small', 'small\n');
    const large = given('large', randomBytes(3 * mebibyte));
    await succeeds('run', '-d', '--name', 'box', 'tiny', 'pause');
    await succeeds('cp', small, 'box:/kept');
    writeFileSync(join(scope.dataRoot, 'out'), 'before\n');
    const before = files();
    // No room for the list of what to write; room for it, but not for the file as well.
    for (const leaveBytes of [0, 4 * mebibyte]) {
      fill(leaveBytes);
      await failsFull('cp', large, 'box:/new');
      await failsFull('cp', large, 'box:/kept');
      expect(await succeeds('exec', 'box', 'cat', '/kept')).toBe('small\n');
      expect(files()).toEqual(before);
      rmSync(filler());
    }
    await succeeds('cp', large, 'box:/new');
    fill();
    await failsFull('cp', 'box:/new', join(scope.dataRoot, 'out'));
    await failsFull('cp', 'box:/new', join(scope.dataRoot, 'other'));
    expect(readFileSync(join(scope.dataRoot, 'out'), 'utf8')).toBe('before\n');
    expect(existsSync(join(scope.dataRoot, 'other'))).toBe(false);
    await succeeds('rm', '-f', 'box');
  });

  test('a copy into a full file system of the container leaves it as it was', async () => {
    const small = given('small', 'small\n');
    const large = given('large', randomBytes(3 * mebibyte));
    const tmpfs = '/work:rw,size=1m';
    await succeeds('run', '-d', '--name', 'box', '--tmpfs', tmpfs, 'busybox', 'sleep', '600');
    await succeeds('cp', small, 'box:/work/kept');
    await failsFull('cp', large, 'box:/work/kept');
    await failsFull('cp', large, 'box:/work/new');
    expect(await succeeds('exec', 'box', 'sh', '-c', 'cat /work/kept; ls -A /work')).toBe(
      'small\nkept\n',
    );
    await succeeds('rm', '-f', 'box');
  });

  test('an image that does not fit leaves nothing, and the others as they were', async () => {
    const context = join(scope.directory, 'context');
    mkdirSync(context);
    writeFileSync(join(context, 'large'), randomBytes(3 * mebibyte));
    const copying = given('copying', 'FROM tiny\nCOPY large /large\n');
    const running = given('running', 'FROM tiny\nENV a=1\nRUN ["echo", "x"]\n');
    await succeeds('image', 'build-base', 'tiny');
    const images = await succeeds('image', 'ls', '--no-trunc', '--format', '{{.ID}} {{.Tag}}');
    const before = files();
    for (const leaveBytes of [0, mebibyte, 5 * mebibyte]) {
      fill(leaveBytes);
      await failsFull('build', '-t', 'copied', '-f', copying, context);
      if (leaveBytes === 0) {
        await failsFull('build', '-t', 'ran', '-f', running, context);
        await failsFull('tag', 'tiny', 'other');
      }
      if (leaveBytes <= mebibyte) await failsFull('image', 'build-base', 'busybox');
      expect(await succeeds('image', 'ls', '--no-trunc', '--format', '{{.ID}} {{.Tag}}')).toBe(
        images,
      );
      expect(await succeeds('ps', '-aq')).toBe('');
      expect(files()).toEqual(before);
      rmSync(filler());
    }
    await succeeds('doctor', '--leaks');
    await succeeds('build', '-t', 'copied', '-f', copying, context);
    await succeeds('build', '-t', 'ran', '-f', running, context);
    await succeeds('image', 'build-base', 'busybox');
    expect(await succeeds('run', '--rm', 'copied', 'true')).toBe('');
  });
});

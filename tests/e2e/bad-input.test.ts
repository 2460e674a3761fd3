import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeAsRoot } from '../privileges.js';
import { newScope, removeScope, type TestScope } from '../scope.js';

const repository = join(import.meta.dirname, '..', '..');
const program = join(repository, 'bin', 'warren.js');

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Case {
  readonly title: string;
  readonly args: readonly string[];
  readonly code: number;
  readonly says: RegExp;
}

const flag = (name: string, value: string, says: RegExp): Case => ({
  title: `${name} ${value}`,
  args: ['run', '--rm', name, value, 'tiny', 'true'],
  code: 125,
  says,
});

const badFlags: readonly Case[] = [
  flag('--memory', 'lots', /--memory/),
  flag('--memory', '-5m', /memory/),
  flag('--memory', '1k', /memory/i),
  flag('--memory', '99999999999999999999', /memory/i),
  flag('--cpus', 'two', /--cpus/),
  flag('--cpus', '-1', /cpus/),
  flag('--cpus', '0.0001', /cpu/i),
  flag('--cpuset-cpus', '0-9999', /cpu/i),
  flag('--cpuset-cpus', 'a', /cpu/i),
  flag('--pids-limit', 'x', /--pids-limit/),
  flag('--ulimit', 'nofile', /ulimit/),
  flag('--ulimit', 'nosuch=1', /nosuch/),
  flag('--ulimit', 'nofile=9:3', /nofile/),
  flag('--user', 'nobody-there', /nobody-there/),
  flag('--user', '99999999', /99999999/),
  flag('--cap-add', 'EVERYTHING', /EVERYTHING/),
  flag('--security-opt', 'nonsense', /nonsense/),
  flag('--security-opt', 'seccomp=/no/such/profile.json', /profile\.json/),
  flag('--network', 'nowhere', /nowhere/),
  flag('--pid', 'container:nobody', /nobody/),
  flag('--restart', 'sometimes', /sometimes/),
  flag('--stop-signal', 'SIGNOTHING', /SIGNOTHING/),
  flag('--name', '../x', /name/),
  flag('--name', 'a b', /name/),
  flag('--hostname', 'a/b', /hostname/i),
  flag('--env-file', '/no/such/file', /\/no\/such\/file/),
  flag('--volume', 'relative:/x:rx', /rx/),
  flag('--volume', '/tmp:relative', /relative/),
  flag('--mount', 'type=bind,target=/x', /source/),
  flag('--mount', 'type=odd,target=/x', /odd/),
  flag('--mount', 'type=bind,source=/no/such/source,target=/x', /\/no\/such\/source/),
  flag('--mount', 'type=tmpfs,target=/proc/x', /\/proc/),
  flag('--tmpfs', '/x:size=much', /size|much/),
  flag('--device', '/dev/no-such-device', /no-such-device/),
  flag('--device', '/etc/passwd', /\/etc\/passwd/),
  flag('--device', '/dev/fd', /device/),
  flag('--shm-size', '-1', /shm/),
  flag('--ttl', 'soon', /ttl/),
  flag('--label', '=x', /label/),
  flag('--workdir', 'relative', /relative|work/i),
  flag('--sysctl', 'kernel.panic=1', /kernel\.panic/),
  flag('--device-read-bps', '/dev/no-such-device:1m', /no-such-device/),
  {
    title: 'an unknown flag',
    args: ['run', '--no-such-flag', 'tiny'],
    code: 125,
    says: /no-such-flag/,
  },
  { title: 'no image', args: ['run'], code: 125, says: /IMAGE/i },
];

const badCommands: readonly Case[] = [
  {
    title: 'an image that does not exist',
    args: ['run', '--rm', 'no-such-image', 'true'],
    code: 125,
    says: /no-such-image/,
  },
  {
    title: 'an image reference that is none',
    args: ['run', '--rm', 'UPPER/../case', 'true'],
    code: 125,
    says: /UPPER/,
  },
  {
    title: 'a command that does not exist',
    args: ['run', '--rm', 'tiny', 'no-such-command'],
    code: 127,
    says: /no-such-command/,
  },
  {
    title: 'a path that does not exist',
    args: ['run', '--rm', 'tiny', '/no/such/path'],
    code: 127,
    says: /\/no\/such\/path/,
  },
  {
    title: 'a command that is not executable',
    args: ['run', '--rm', 'tiny', '/etc/hosts'],
    code: 126,
    says: /\/etc\/hosts/,
  },
  {
    title: 'a directory as command',
    args: ['run', '--rm', 'tiny', '/etc'],
    code: 126,
    says: /\/etc/,
  },
  { title: 'an empty command', args: ['run', '--rm', 'tiny', ''], code: 125, says: /command/ },
  { title: 'a container that does not exist', args: ['start', 'nobody'], code: 1, says: /nobody/ },
  { title: 'exec in none', args: ['exec', 'nobody', 'true'], code: 1, says: /nobody/ },
  { title: 'stop of none', args: ['stop', 'nobody'], code: 1, says: /nobody/ },
  { title: 'a command of ours that does not exist', args: ['fly'], code: 1, says: /fly/ },
];

describeAsRoot('bad input', () => {
  let scope: TestScope;

  function globals(dataRoot: string, runDir: string): string[] {
    return ['--data-root', dataRoot, '--run-dir', runDir, '--cgroup-parent', scope.cgroupParent];
  }

  function warren(args: readonly string[], where = globals(scope.dataRoot, scope.runDir)): Outcome {
    const [command = '', ...rest] = args;
    const { status, stdout, stderr } = spawnSync(program, [...where, command, ...rest], {
      encoding: 'utf8',
      cwd: '/',
    });
    return { code: status, stdout, stderr };
  }

  /** One message, of one line, with perhaps one that says what to do; and nothing is left. */
  function expectRefused(outcome: Outcome, { code, says }: Pick<Case, 'code' | 'says'>): void {
    expect(outcome).toMatchObject({ code, stdout: '' });
    const lines = outcome.stderr.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^warren: \S/);
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).not.toMatch(/Internal error|undefined|\[object|\n\s+at /);
  }

  beforeAll(() => {
    scope = newScope();
    expect(warren(['run', '--rm', 'tiny', 'true'])).toMatchObject({ code: 0, stderr: '' });
  });
  afterAll(() => {
    warren(['keeper', 'stop', '--force']);
    removeScope(scope);
  });

  function expectNothingLeft(): void {
    expect(warren(['ps', '-aq'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(readdirSync(join(scope.dataRoot, 'containers'))).toEqual([]);
  }

  test.each(badFlags)('is refused: $title', (bad) => {
    expectRefused(warren(bad.args), bad);
  });

  test.each(badCommands)('is refused: $title', (bad) => {
    expectRefused(warren(bad.args), bad);
  });

  test('leaves no container and no leak', () => {
    expectNothingLeft();
    expect(warren(['doctor', '--leaks'])).toMatchObject({ code: 0 });
  });

  test('a name in use is refused', () => {
    expect(warren(['create', '--name', 'taken', 'tiny', 'true']).code).toBe(0);
    expectRefused(warren(['run', '--name', 'taken', 'tiny', 'true']), { code: 125, says: /taken/ });
    expectRefused(warren(['create', '--name', 'taken', 'tiny', 'true']), {
      code: 1,
      says: /taken/,
    });
    expect(warren(['rm', 'taken']).code).toBe(0);
    expectNothingLeft();
  });

  test('exec tells a missing command from one that cannot run', () => {
    expect(warren(['run', '-d', '--name', 'host', 'tiny', 'pause']).code).toBe(0);
    expectRefused(warren(['exec', 'host', 'no-such']), { code: 127, says: /no-such/ });
    expectRefused(warren(['exec', 'host', '/etc/hosts']), { code: 126, says: /\/etc\/hosts/ });
    expect(warren(['rm', '-f', 'host']).code).toBe(0);
  });

  test('without root, one message says so', () => {
    const { status, stdout, stderr } = spawnSync(
      'setpriv',
      [
        ...['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'],
        ...[program, 'run', '--rm', 'tiny', 'true'],
      ],
      { encoding: 'utf8', cwd: '/' },
    );
    expectRefused({ code: status, stdout, stderr }, { code: 125, says: /root[^]*sudo/ });
  });

  describe('a full disk', () => {
    let disk: string;
    beforeAll(() => {
      disk = join(scope.directory, 'disk');
      mkdirSync(disk);
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk], { stdio: 'inherit' });
    });
    afterAll(() => {
      spawnSync('umount', [disk], { stdio: 'inherit' });
    });

    test('is told in one message, and nothing half-made is left', () => {
      const dataRoot = join(disk, 'data');
      const runDir = join(scope.directory, 'run2');
      const where = globals(dataRoot, runDir);
      expect(warren(['run', '--rm', 'tiny', 'true'], where)).toMatchObject({ code: 0, stderr: '' });
      spawnSync('dd', ['if=/dev/zero', `of=${disk}/filler`, 'bs=4k']);
      expectRefused(warren(['run', '--rm', 'tiny', 'true'], where), {
        code: 125,
        says: /space|ENOSPC|full/i,
      });
      rmSync(join(disk, 'filler'));
      expect(warren(['ps', '-aq'], where)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(readdirSync(join(dataRoot, 'containers'))).toEqual([]);
      expect(warren(['run', '--rm', 'tiny', 'true'], where)).toMatchObject({ code: 0 });
      expect(warren(['keeper', 'stop', '--force'], where).code).toBe(0);
    });
  });
});

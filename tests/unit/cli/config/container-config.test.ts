import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { containerConfig } from '../../../../src/cli/config/container-config.js';
import { containerOptions, type ContainerFlags } from '../../../../src/cli/options/container.js';
import { normalizeArguments } from '../../../../src/cli/program/arguments.js';
import { defineCommand, type CommandInput } from '../../../../src/cli/program/definition.js';
import { programFor } from '../../../../src/cli/program/build.js';
import { optionValues } from '../../../../src/cli/program/values.js';
import type { ContainerConfig } from '../../../../src/model/container-config.js';

const directory = mkdtempSync(join(tmpdir(), 'warren-cli-'));

afterAll(() => {
  rmSync(directory, { recursive: true });
});

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** What `warren create FLAGS image cmd` would ask the engine for. */
function config(...flags: readonly string[]): ContainerConfig {
  const definition = defineCommand({
    description: '',
    arguments: [],
    examples: [],
    options: containerOptions,
    run: async (_, input: CommandInput<ContainerFlags>) => void input,
  });
  const sink = { write: () => undefined, columns: 80 };
  const entry = { path: ['create'], summary: '', load: async () => ({ command: definition }) };
  const { program, command } = programFor(entry, definition, sink);
  program.parse(
    ['create', ...normalizeArguments(flags, { options: containerOptions, passThrough: true })],
    { from: 'user' },
  );
  const values = optionValues(containerOptions, command.opts()) as unknown as ContainerFlags;
  return containerConfig({ flags: values, image: 'tiny', command: ['pause'] });
}

describe('a container config', () => {
  test('holds nothing that was not asked for', () => {
    expect(config()).toEqual({
      image: 'tiny',
      pull: 'missing',
      command: ['pause'],
      tty: false,
      stdinOpen: false,
    });
  });

  test('has the process as docker describes it', () => {
    const flags = [
      '-it',
      '-e',
      'A=1',
      '-w',
      '/srv',
      '-u',
      '1000:1000',
      '--entrypoint',
      'sh',
      '--init',
      '--group-add',
      'wheel',
    ];
    expect(config(...flags)).toMatchObject({
      tty: true,
      stdinOpen: true,
      env: ['A=1'],
      workingDir: '/srv',
      user: '1000:1000',
      entrypoint: ['sh'],
      init: true,
      groupAdd: ['wheel'],
    });
    expect(config('--entrypoint', '')).toMatchObject({ entrypoint: [] });
  });

  test('has limits as one object', () => {
    const flags = [
      '-m',
      '32m',
      '--memory-swap=-1',
      '--cpus',
      '.5',
      '--pids-limit',
      '32',
      '--device-read-bps',
      '/dev/vda:1m',
    ];
    expect(config(...flags).resources).toEqual({
      memoryBytes: 32 * 2 ** 20,
      memorySwapBytes: -1,
      cpus: 0.5,
      pidsLimit: 32,
      blkioReadBps: [{ device: '/dev/vda', rate: 2 ** 20 }],
    });
  });

  test('has all mounts in one list', () => {
    const { mounts } = config(
      '-v',
      '/a:/b:ro',
      '--mount',
      'type=tmpfs,dst=/t',
      '--tmpfs',
      '/run',
      '-v',
      'data:/d',
    );
    expect(mounts?.map(({ type, target }) => `${type} ${target}`)).toEqual([
      'bind /b',
      'volume /d',
      'tmpfs /t',
      'tmpfs /run',
    ]);
  });

  test('knows the writable layer in memory, with and without a size', () => {
    expect(config('--volatile')).toMatchObject({ volatile: true });
    expect(config('--volatile')).not.toHaveProperty('volatileSizeBytes');
    expect(config('--volatile=64m')).toMatchObject({
      volatile: true,
      volatileSizeBytes: 64 * 2 ** 20,
    });
  });

  test('reads variables and labels from files, flags win', () => {
    const env = file('env', 'A=file\nB=file\n');
    const labels = file('labels', 'x=file\ny\n');
    const flags = ['--env-file', env, '-e', 'A=flag', '--label-file', labels, '-l', 'x=flag'];
    expect(config(...flags)).toMatchObject({
      env: ['A=file', 'B=file', 'A=flag'],
      labels: { x: 'flag', y: '' },
    });
  });

  test('has life, lease, log and restart policy', () => {
    const flags = [
      '--restart',
      'on-failure:3',
      '--stop-signal',
      'int',
      '--stop-timeout',
      '5',
      '--ttl',
      '1m',
      '--idle-timeout',
      '30s',
    ];
    expect(
      config(
        ...flags,
        '--log-driver',
        'json-file',
        '--log-opt',
        'max-size=1m',
        '--log-opt',
        'max-file=2',
      ),
    ).toMatchObject({
      restart: { name: 'on-failure', maximumRetryCount: 3 },
      stopSignal: 'SIGINT',
      stopTimeoutMs: 5000,
      lease: { ttlMs: 60_000, idleTimeoutMs: 30_000, dieWithOwner: false },
      log: { driver: 'file', maxBytes: 2 ** 20, maxFiles: 2 },
    });
  });

  test('has a health check through a shell, or none', () => {
    expect(
      config('--health-cmd', 'curl x', '--health-interval', '5s', '--health-retries', '2').health,
    ).toEqual({
      test: ['curl x'],
      shell: true,
      intervalMs: 5000,
      retries: 2,
    });
    expect(config('--health-interval', '5s').health).toEqual({ intervalMs: 5000 });
    expect(config('--no-healthcheck').health).toBe(false);
  });

  test('has isolation', () => {
    const profile = file('profile.json', '{"defaultAction":"SCMP_ACT_ALLOW"}');
    const flags = [
      '--network',
      'host',
      '--pid',
      'container:x',
      '--userns=host',
      '--cap-drop',
      'ALL',
      '--privileged',
      '--read-only',
    ];
    expect(
      config(
        ...flags,
        '--security-opt',
        `seccomp=${profile}`,
        '--security-opt',
        'no-new-privileges',
      ),
    ).toMatchObject({
      network: 'host',
      pid: 'container:x',
      userns: 'host',
      capDrop: ['ALL'],
      privileged: true,
      readOnly: true,
      security: {
        seccomp: { profile: '{"defaultAction":"SCMP_ACT_ALLOW"}' },
        noNewPrivileges: true,
      },
    });
  });

  test.each([
    [['--rm', '--restart', 'always'], 'Flags exclude each other: --restart and --rm'],
    [['--cpus', '1', '--cpu-quota', '1000'], 'Flags exclude each other: --cpus and'],
    [['--no-healthcheck', '--health-cmd', 'x'], 'Flags exclude each other: --no-healthcheck'],
    [
      ['--env-file', '/nonexistent/file'],
      'Cannot read the file of --env-file, /nonexistent/file: there is no such file',
    ],
    [
      ['--security-opt', 'seccomp=/nonexistent'],
      'Cannot read the file of --security-opt, /nonexistent: there is no such file',
    ],
    [['-m', '12q'], 'Invalid value "12q" for --memory: a size is'],
    [['--device-cgroup-rule', 'x'], 'Invalid value "x" for --device-cgroup-rule'],
  ])('is refused for %j', (flags, message) => {
    expect(() => config(...flags)).toThrow(message);
  });

  test('names the file and the line that is wrong', () => {
    const env = file('bad-env', 'A=1\nB C\n');
    expect(() => config('--env-file', env)).toThrow(
      `Invalid value "${env}" for --env-file: line 2`,
    );
    const profile = file('bad.json', '{');
    expect(() => config('--security-opt', `seccomp=${profile}`)).toThrow('is not JSON');
  });
});

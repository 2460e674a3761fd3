import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keeperPath, keeperVersion } from '../../../../src/host/linux/keeper-path.js';
import { keeperSocketPath, startKeeper } from '../../../../src/host/linux/keeper-start.js';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wrn-path-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function program(path: string, script: string, mode = 0o755): string {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, mode);
  return path;
}

describe('keeperPath', () => {
  test('takes what WARREN_KEEPER names', () => {
    const path = program(join(root, 'mine'), '');
    expect(keeperPath({ environment: { WARREN_KEEPER: path }, root })).toBe(path);
    expect(() => keeperPath({ environment: { WARREN_KEEPER: '/none' }, root })).toThrow(
      /\/none does not exist/,
    );
  });

  test('finds the one of the package for this architecture', () => {
    mkdirSync(join(root, 'dist/native/linux-arm64'), { recursive: true });
    const path = program(join(root, 'dist/native/linux-arm64/warren-keeper'), '');
    expect(keeperPath({ environment: {}, architecture: 'arm64', root })).toBe(path);
  });

  test('says how to build a missing one', () => {
    expect(() => keeperPath({ environment: {}, architecture: 'x64', root })).toThrow(
      expect.objectContaining({
        code: 'KEEPER_MISSING',
        hint: expect.stringContaining('make -C') as string,
      }),
    );
  });

  test('says how to repair a lost permission', () => {
    const path = program(join(root, 'mine'), '', 0o644);
    expect(() => keeperPath({ environment: { WARREN_KEEPER: path }, root })).toThrow(
      expect.objectContaining({
        code: 'KEEPER_NOT_EXECUTABLE',
        hint: expect.stringContaining('chmod 755') as string,
      }),
    );
  });
});

describe('keeperVersion', () => {
  test('reads what the program says', async () => {
    const path = program(join(root, 'mine'), 'echo warren-keeper 0.1.0 protocol 1-2');
    await expect(keeperVersion(path)).resolves.toEqual({
      version: '0.1.0',
      protocolMinimum: 1,
      protocolMaximum: 2,
    });
  });

  test('refuses a program that is no keeper', async () => {
    const path = program(join(root, 'mine'), 'echo hello');
    await expect(keeperVersion(path)).rejects.toMatchObject({ code: 'KEEPER_DAMAGED' });
  });
});

describe('startKeeper', () => {
  const hierarchies = [
    { index: 0, name: 'unified', mountPoint: '/sys/fs/cgroup/unified', controllers: [] },
    {
      index: 1,
      name: 'cpu,cpuacct',
      mountPoint: '/sys/fs/cgroup/cpu',
      controllers: ['cpu', 'cpuacct'],
    },
  ];
  const base = {
    runDir: '/run/w',
    dataRoot: '/data',
    instance: 2,
    cgroupParent: '/warren/',
    hierarchies,
  };

  test('names directories, hierarchies and the leaf of its own', async () => {
    const path = program(
      join(root, 'mine'),
      `echo "$@" > ${root}/arguments; env > ${root}/environment`,
    );
    await startKeeper({ ...base, program: path, workers: 3, idleExitMs: 5 });
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(join(root, 'arguments'), 'utf8').trim()).toBe(
      'start --run-dir /run/w --data-root /data --instance 2 --hierarchy unified=/sys/fs/cgroup/unified ' +
        '--hierarchy cpu,cpuacct=/sys/fs/cgroup/cpu --cgroup warren/keeper-2 --workers 3 --idle-exit-ms 5',
    );
    expect(readFileSync(join(root, 'environment'), 'utf8')).not.toContain('HOME=');
  });

  test('passes on why the keeper does not start', async () => {
    const path = program(
      join(root, 'mine'),
      'echo Cannot start the keeper: it needs root >&2; exit 1',
    );
    await expect(startKeeper({ ...base, program: path })).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'Cannot start the keeper: it needs root',
    });
    await expect(startKeeper({ ...base, program: '/none' })).rejects.toMatchObject({
      code: 'KEEPER_START',
    });
  });

  test('needs a unified hierarchy', async () => {
    const without = [{ index: 0, name: 'unified', mountPoint: '', controllers: [] }];
    await expect(
      startKeeper({ ...base, program: '/bin/true', hierarchies: without }),
    ).rejects.toMatchObject({ code: 'NO_CGROUP2' });
  });

  test('refuses a run dir whose sockets would have too long a name', () => {
    expect(() => keeperSocketPath(`/run/${'x'.repeat(100)}`, 0)).toThrow(/at most 107 bytes/);
  });
});

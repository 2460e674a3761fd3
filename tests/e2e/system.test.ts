import { spawnSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

const program = join(import.meta.dirname, '..', '..', 'bin', 'warren.js');

describe('completion', () => {
  /** What bash would offer behind these words. */
  function offered(...words: readonly string[]): string[] {
    const script = [
      `warren() { '${process.execPath}' '${program}' "$@"; }`,
      'source <(warren completion bash)',
      'COMP_WORDS=(warren "$@"); COMP_CWORD=$#; _warren; printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n');
    const { stdout } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line !== '');
  }

  test('knows commands, flags and values', () => {
    expect(offered('sta')).toEqual(['stats', 'start']);
    expect(offered('run', '--memory-s')).toEqual(['--memory-swap', '--memory-swappiness']);
    expect(offered('run', '--restart', 'a')).toEqual(['always']);
    expect(offered('image', 'build-base', 't')).toEqual(['tiny']);
  });

  test.each(['zsh', 'fish'])('has a script for %s', (shell) => {
    const { stdout, status } = spawnSync(process.execPath, [program, 'completion', shell], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stdout).toContain('warren __complete --');
  });
});

describeAsRoot('the system', () => {
  let cli: TestCli;
  beforeAll(() => {
    cli = new TestCli();
  });
  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
  });

  test('is described by info, doctor and keeper status', async () => {
    await cli.output('run', '-d', '--name', 'box', '-e', 'SECRET=hidden', 'tiny', 'pause');
    expect(await cli.output('info', '--format', '{{.containers.running}} {{.dataRoot}}')).toBe(
      `1 ${cli.scope.dataRoot}`,
    );
    expect(await cli.output('keeper', 'status', '--format', '{{.Instance}} {{.Containers}}')).toBe(
      '0 1',
    );
    expect((await cli.run(['doctor'])).stdout).toMatch(/^ok +kernel /m);
    expect((await cli.run(['keeper', 'stop'])).code).toBe(1);
  });

  test('collects a report without secrets', async () => {
    const file = join(cli.scope.directory, 'bundle.json');
    await cli.output('doctor', '--bundle', file);
    const text = readFileSync(file, 'utf8');
    expect(Object.keys(JSON.parse(text) as object)).toEqual(
      expect.arrayContaining(['machine', 'doctor', 'leaks', 'containers']),
    );
    expect(text).not.toContain('hidden');
    expect(lstatSync(file).mode & 0o077).toBe(0);
  });

  test('starts containers by their restart policy after a reboot', async () => {
    expect((await cli.run(['boot'])).code).toBe(0);
    const units = join(cli.scope.directory, 'units');
    mkdirSync(units);
    await cli.output('boot', '--install', '--unit-dir', units);
    expect(readFileSync(join(units, 'warren-boot.service'), 'utf8')).toContain(`"${program}" boot`);
    expect(
      lstatSync(join(units, 'multi-user.target.wants', 'warren-boot.service')).isSymbolicLink(),
    ).toBe(true);
  });

  test('shows the plan of a container and the times of a launch', async () => {
    const plan = JSON.parse(await cli.output('inspect', '--plan', 'box')) as unknown[];
    expect(JSON.stringify(plan)).toContain('OVERLAY');
    const { stderr } = await cli.run(['run', '--rm', 'tiny', 'true'], {
      env: { WARREN_TRACE: '1' },
    });
    expect(stderr).toMatch(/^trace [0-9a-f]{12} .*\(ms\)$/m);
  });

  test('shows itself', async () => {
    const { code, stdout } = await cli.run(['demo', '--count', '20'], {
      env: { TMPDIR: cli.scope.directory },
    });
    expect(stdout).toMatch(/20 run after/);
    expect(stdout).toContain('was killed by its limit');
    expect(stdout).toContain('Left behind                nothing');
    expect(code).toBe(0);
  });
});

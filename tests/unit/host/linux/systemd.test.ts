import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runInScope, systemdRuns } from '../../../../src/host/linux/systemd.js';
import {
  scopeAbove,
  scopeCommand,
  scopePath,
  scopeUnitOf,
} from '../../../../src/host/systemd-scope.js';
import type { RunResult } from '../../../../src/host/port.js';

const unit = 'warren.scope';
const command = ['/keeper', 'start'];
const done: RunResult = { code: 0, signal: null, stdout: '', stderr: '' };
const taken: RunResult = {
  ...done,
  code: 1,
  stderr:
    'Failed to start transient scope unit: Unit warren.scope was already loaded or has a fragment file.\n',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wrn-systemd-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function populate(value: 0 | 1): void {
  writeFileSync(join(directory, 'cgroup.events'), `populated ${value}\nfrozen 0\n`);
}

/** What was run, and what happens then. */
function recorder(...results: (() => RunResult)[]): {
  readonly ran: (readonly string[])[];
  readonly run: (command: readonly string[]) => Promise<RunResult>;
} {
  const ran: (readonly string[])[] = [];
  return {
    ran,
    run: (started) => {
      ran.push(started);
      const next = results[ran.length - 1];
      if (next === undefined) throw new Error(`Nobody expected ${started.join(' ')}`);
      return Promise.resolve(next());
    },
  };
}

test('a scope that does not live is made, with what runs in it first', async () => {
  for (const prepare of [() => undefined, () => populate(0)]) {
    prepare();
    const { ran, run } = recorder(() => done);
    expect(await runInScope({ unit, group: directory, command, run })).toBe(done);
    expect(ran).toEqual([scopeCommand(unit, [...command, '--leave-scope'])]);
  }
});

test('one that lives is joined', async () => {
  populate(1);
  const { ran, run } = recorder(() => done);
  await runInScope({ unit, group: directory, command, run });
  expect(ran).toEqual([command]);
});

test('of several at once, who comes second waits for the one that makes it', async () => {
  const { ran, run } = recorder(
    () => taken,
    () => {
      populate(1);
      return taken;
    },
    () => done,
  );
  expect(await runInScope({ unit, group: directory, command, run })).toBe(done);
  expect(ran.map(([program]) => program)).toEqual(['systemd-run', 'systemd-run', '/keeper']);
});

test('so does one that systemd-run fails without a word', async () => {
  const { ran, run } = recorder(
    () => ({ ...taken, stderr: '' }),
    () => done,
  );
  expect(await runInScope({ unit, group: directory, command, run })).toBe(done);
  expect(ran.map(([program]) => program)).toEqual(['systemd-run', 'systemd-run']);
});

test('what systemd refuses is not tried again', async () => {
  const refused = { ...taken, stderr: 'Failed to start transient scope unit: Access denied\n' };
  const { ran, run } = recorder(() => refused);
  expect(await runInScope({ unit, group: directory, command, run })).toBe(refused);
  expect(ran).toHaveLength(1);
});

test('the unit is known by its path, and other groups are nobody’s unit', () => {
  expect(scopeUnitOf(scopePath('warren'))).toBe(unit);
  expect(scopeUnitOf(scopePath('warren-0123abcd'))).toBe('warren-0123abcd.scope');
  for (const path of ['warren', 'machine.slice', 'machine.slice/other.scope', 'a/warren.scope'])
    expect(scopeUnitOf(path)).toBeNull();
});

test('systemd runs where it says so and is process 1', () => {
  mkdirSync(join(directory, 'proc/1'), { recursive: true });
  writeFileSync(join(directory, 'proc/1/comm'), 'systemd\n');
  expect(systemdRuns(directory)).toBe(false);
  mkdirSync(join(directory, 'run/systemd/system'), { recursive: true });
  expect(systemdRuns(directory)).toBe(true);
  writeFileSync(join(directory, 'proc/1/comm'), 'tini\n');
  expect(systemdRuns(directory)).toBe(false);
});

test('what is in a scope of ours knows it', () => {
  const scope = 'machine.slice/warren-0123abcd.scope';
  expect(scopeAbove(scope)).toBe(scope);
  expect(scopeAbove(`${scope}/limited/a`)).toBe(scope);
  for (const other of ['machine.slice', 'machine.slice/other.scope/a', 'warren/a', '']) {
    expect(scopeAbove(other)).toBeNull();
  }
});

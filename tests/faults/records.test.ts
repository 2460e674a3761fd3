import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeDatabase, openDatabase } from '../../src/records/database.js';

const program = join(import.meta.dirname, '..', 'fixtures', 'records-process.mjs');
let dataRoot: string;
const children = new Set<ChildProcess>();

beforeEach(() => {
  dataRoot = mkdtempSync(join(tmpdir(), 'wrn-records-'));
});

afterEach(async () => {
  await Promise.all([...children].map(kill));
  rmSync(dataRoot, { recursive: true });
});

/** A process of the fixture that has the records open. */
async function start(role: 'write' | 'read' | 'hold'): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, dataRoot, role], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.add(child);
  if (child.stdout === null) throw new Error('No pipe');
  const ready = once(child.stdout, 'data');
  await Promise.race([ready, once(child.stdout, 'end')]);
  if (child.stdout.readableEnded) throw new Error(`A process that should ${role} has ended`);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Tells a process that holds the records to close them. */
async function end(child: ChildProcess): Promise<number | null> {
  children.delete(child);
  const ended = once(child, 'exit');
  child.stdin?.end();
  const [code] = (await ended) as [number | null];
  return code;
}

/** The tables agree with each other, whatever happened. */
async function expectConsistent(): Promise<number> {
  const tables = await openDatabase(dataRoot);
  try {
    const containers = [...tables.containers.getRange()];
    const names = new Map([...tables.names.getRange()].map(({ key, value }) => [value, key]));
    expect(names.size).toBe(containers.length);
    const uses = new Map<string, number>();
    for (const { key, value } of containers) {
      expect(names.get(key)).toBe(value[0]);
      expect(tables.idRanges.get(value[3] as number)?.[1]).toBe(key);
      uses.set(value[2] as string, (uses.get(value[2] as string) ?? 0) + 1);
    }
    expect(new Map([...tables.specUses.getRange()].map(({ key, value }) => [key, value]))).toEqual(
      uses,
    );
    expect([...tables.specs.getKeys()].sort()).toEqual([...uses.keys()].sort());
    return containers.length;
  } finally {
    await closeDatabase(tables);
  }
}

test('writers that are killed leave whole transactions only, and block nobody', async () => {
  for (let round = 0; round < 3; round += 1) {
    const writers = await Promise.all(Array.from({ length: 4 }, async () => start('write')));
    for (const [index, writer] of writers.entries()) {
      await delay(40 + 25 * index);
      await kill(writer);
    }
    expect(await expectConsistent()).toBeGreaterThan(0);
  }
});

test('readers that are killed in a transaction do not hold pages for ever', async () => {
  const writer = await start('write');
  const readers = await Promise.all(Array.from({ length: 4 }, async () => start('read')));
  await delay(100);
  for (const reader of readers) await kill(reader);
  await kill(writer);
  const tables = await openDatabase(dataRoot);
  tables.root.readerCheck();
  const pids = new Set(readers.map(({ pid }) => String(pid)));
  const listed = tables.root.readerList().match(/^\s*\d+/gm) ?? [];
  expect(listed.filter((pid) => pids.has(pid.trim()))).toEqual([]);
  await closeDatabase(tables);
  await expectConsistent();
});

test('of five hundred processes that open a data root at once, each keeps what it writes', async () => {
  const openers = await Promise.all(Array.from({ length: 500 }, async () => start('hold')));
  const names = openers.map(({ pid }) => `v${pid ?? 0}`).sort();
  const codes = await Promise.all(openers.map(end));
  expect(codes.filter((code) => code !== 0)).toEqual([]);
  const tables = await openDatabase(dataRoot);
  expect([...tables.volumes.getKeys()].sort()).toEqual(names);
  await closeDatabase(tables);
}, 300_000);

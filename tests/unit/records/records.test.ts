import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../../src/base/ids.js';
import type { ContainerId, ContainerRecord } from '../../../src/model/container.js';
import { normalizeConfig } from '../../../src/model/normalize-config.js';
import { openRecords } from '../../../src/records/open-records.js';
import type { RecordsStore } from '../../../src/records/store.js';
import { emptyImage } from '../../fixtures/image.js';

const pool = { base: 0x1000_0000, count: 65_536 * 64, avoid: [] };
const spec = normalizeConfig({ image: 'tiny', command: ['true'] }, emptyImage);
const layers = ['layers/a/fs'];

function record(name = '', id = newId()): ContainerRecord {
  return {
    id: id as ContainerId,
    name,
    createdAtMs: 1_700_000_000_000,
    spec,
    ids: { base: 0, count: 65_536 },
    layers,
    volumes: [],
    endpoints: [],
    ports: [],
    cgroupPath: `warren/${id}`,
    phase: 'created',
    run: null,
    lastExit: null,
    restartCount: 0,
    stoppedByUser: false,
    fence: 0n,
  };
}

let directory: string;
let store: RecordsStore;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'wrn-records-'));
  store = await openRecords(directory);
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

async function insert(...records: ContainerRecord[]): Promise<readonly ContainerRecord[]> {
  return await store.containers.insert({ records, idPool: pool });
}

describe('insert', () => {
  test('gives each record a name and an id range of its own', async () => {
    const [first, second] = await insert(record(), record('web'));
    expect(first?.name).toMatch(/^[a-z]+_[a-z]+/);
    expect(second?.name).toBe('web');
    expect(first?.ids?.base).toBe(pool.base);
    expect(second?.ids?.base).toBe(pool.base + 65_536);
    expect(store.containers.count()).toBe(2);
  });

  test('returns what get gives back, field by field', async () => {
    const exit = {
      code: 137,
      signal: 'SIGKILL',
      oomKilled: true,
      reason: 'own' as const,
      startedAtMs: 1_700_000_000_001,
      finishedAtMs: 1_700_000_000_002,
      usage: { userUs: 1, systemUs: 2, maxRssBytes: 2 ** 40 },
    };
    const [written] = await insert({
      ...record('full'),
      volumes: [{ target: '/data', name: 'v', anonymous: true }],
      phase: 'exited',
      run: { keeper: 1, bootId: 'b', generation: 3, startedAtMs: 5 },
      lastExit: exit,
      restartCount: 4,
      stoppedByUser: true,
      fence: 2n ** 60n,
    });
    expect(store.containers.resolve('full')).toEqual(written);
  });

  test('refuses a name in use and writes none of the batch', async () => {
    await insert(record('web'));
    await expect(insert(record('a'), record('web'))).rejects.toMatchObject({ code: 'NAME_IN_USE' });
    expect(store.containers.list().map(({ name }) => name)).toEqual(['web']);
  });

  test('refuses a name that is twice in one batch', async () => {
    await expect(insert(record('a'), record('a'))).rejects.toMatchObject({ code: 'NAME_IN_USE' });
  });

  test('generates different names however many there are', async () => {
    const wide = { base: 0x1000_0000, count: 65_536 * 8192, avoid: [] };
    const records = Array.from({ length: 5000 }, () => record());
    const made = await store.containers.insert({ records, idPool: wide });
    expect(new Set(made.map(({ name }) => name)).size).toBe(5000);
  });
});

describe('id ranges', () => {
  test('keep clear of ranges that others use', async () => {
    const avoid = [{ base: pool.base + 10, count: 65_536 }];
    const [made] = await store.containers.insert({
      records: [record()],
      idPool: { ...pool, avoid },
    });
    expect(made?.ids?.base).toBe(pool.base + 2 * 65_536);
  });

  test('of removed containers come back only after their release', async () => {
    const small = { ...pool, count: 65_536 * 2 };
    const [first] = await store.containers.insert({ records: [record(), record()], idPool: small });
    await store.containers.change([first?.id as ContainerId], null, () => null);
    const again = { records: [record()], idPool: small };
    await expect(store.containers.insert(again)).rejects.toMatchObject({
      code: 'ID_POOL_EXHAUSTED',
    });
    expect(store.idRanges.freed()).toEqual([first?.ids]);
    await store.idRanges.release(store.idRanges.freed());
    const [second] = await store.containers.insert(again);
    expect(second?.ids).toEqual(first?.ids);
    expect(store.idRanges.used()).toHaveLength(2);
  });
});

describe('resolve', () => {
  test('finds by id, by name, by a leading slash and by a prefix', async () => {
    const id = 'ab'.repeat(32);
    await insert(record('web', id));
    for (const reference of [id, 'web', '/web', 'aba', 'a']) {
      expect(store.containers.resolve(reference).name).toBe('web');
    }
  });

  test('prefers a name over a prefix of an id', async () => {
    await insert(record('web', 'ab'.repeat(32)), record('ab'));
    expect(store.containers.resolve('ab').name).toBe('ab');
  });

  test('refuses a prefix of several ids', async () => {
    await insert(record('a1', 'ab'.repeat(32)), record('b1', 'ac'.repeat(32)));
    expect(() => store.containers.resolve('a')).toThrow('Multiple containers found');
  });

  test('says which container is missing', () => {
    expect(() => store.containers.resolve('nope')).toThrow('No such container: nope');
  });
});

describe('change', () => {
  test('refuses a smaller fence than the record’s and takes an equal one', async () => {
    const [made] = await insert(record('web'));
    const id = made?.id as ContainerId;
    await store.containers.change([id], 7n, (found) => ({ ...found, restartCount: 1 }));
    const stale = store.containers.change([id], 6n, (found) => ({ ...found, restartCount: 2 }));
    await expect(stale).rejects.toMatchObject({ code: 'STALE_LOCK' });
    await store.containers.change([id], 7n, (found) => ({ ...found, restartCount: 3 }));
    expect(store.containers.resolve('web').restartCount).toBe(3);
  });

  test('frees the name of a deleted record', async () => {
    const [made] = await insert(record('web'));
    expect(await store.containers.change([made?.id as ContainerId], null, () => null)).toEqual([
      undefined,
    ]);
    await insert(record('web'));
    expect(store.containers.count()).toBe(1);
  });

  test('leaves unknown ids and what change does not want', async () => {
    const [made] = await insert(record('web'));
    const ids = ['f'.repeat(64) as ContainerId, made?.id as ContainerId];
    const result = await store.containers.change(ids, null, () => undefined);
    expect(result).toEqual([undefined, made]);
  });

  test('stores a changed spec for one container and leaves the others’', async () => {
    const [first, second] = await insert(record('a1'), record('b1'));
    const bigger = normalizeConfig(
      { image: 'tiny', command: ['true'], resources: { pidsLimit: 9 } },
      emptyImage,
    );
    await store.containers.change([first?.id as ContainerId], null, (found) => ({
      ...found,
      spec: bigger,
    }));
    expect(store.containers.resolve('a1').spec.resources).toEqual({ pidsLimit: 9 });
    expect(store.containers.resolve('b1').spec.resources).toEqual({});
    await store.containers.change([second?.id as ContainerId], null, () => null);
    await store.close();
    store = await openRecords(directory);
    expect(store.containers.resolve('a1').spec).toEqual(bigger);
  });
});

test('rename moves the name and refuses one in use', async () => {
  const [first] = await insert(record('a1'), record('b1'));
  const id = first?.id as ContainerId;
  await expect(store.containers.rename(id, 'b1', 1n)).rejects.toMatchObject({
    code: 'NAME_IN_USE',
  });
  await store.containers.rename(id, 'c1', 1n);
  expect(store.containers.resolve('c1').id).toBe(id);
  expect(() => store.containers.resolve('a1')).toThrow('No such container: a1');
});

test('volumes are made once', async () => {
  const volume = { name: 'data', createdAtMs: 1, labels: { a: 'b' }, anonymous: false };
  expect(await store.volumes.insert(volume)).toEqual({ volume, created: true });
  const again = await store.volumes.insert({ ...volume, createdAtMs: 2 });
  expect(again).toEqual({ volume, created: false });
  expect(store.volumes.list()).toEqual([volume]);
  expect(await store.volumes.remove('data')).toBe(true);
  expect(await store.volumes.remove('data')).toBe(false);
});

const announcement = {
  id: 'an-intent',
  operation: 'create',
  subjects: ['a'],
  pid: process.pid,
  pidStart: 1,
  bootId: 'boot',
} as const;

test('an intent begins with the containers that it announces, or not at all', async () => {
  await insert(record('web'));
  const taken = store.containers.insert({
    records: [record('web')],
    idPool: pool,
    intent: announcement,
  });
  await expect(taken).rejects.toMatchObject({ code: 'NAME_IN_USE' });
  expect(store.intents.list()).toEqual([]);
  await store.containers.insert({ records: [record('db')], idPool: pool, intent: announcement });
  expect(store.intents.list()).toEqual([announcement]);
});

test('an intent that nobody waits for has ended when the store is closed', async () => {
  await store.containers.insert({ records: [record()], idPool: pool, intent: announcement });
  store.intents.endSoon(announcement.id);
  await store.close();
  store = await openRecords(directory);
  expect(store.intents.list()).toEqual([]);
});

test('an intent that nobody waits for ends in the commit of what follows at once', async () => {
  await store.containers.insert({ records: [record('a')], idPool: pool, intent: announcement });
  store.intents.endSoon(announcement.id);
  await store.containers.insert({ records: [record('b')], idPool: pool });
  expect(store.intents.list()).toEqual([]);
});

test('intents are there until they end', async () => {
  const intent = {
    operation: 'create',
    subjects: ['x'],
    pid: 1,
    pidStart: 2,
    bootId: 'b',
  } as const;
  const id = await store.intents.begin(intent);
  expect(store.intents.list()).toEqual([{ ...intent, id }]);
  await store.intents.end(id);
  expect(store.intents.list()).toEqual([]);
});

test('10,000 containers of one batch are listed with one spec in memory', async () => {
  const wide = { base: 0x1000_0000, count: 65_536 * 16_384, avoid: [] };
  const one = record('c-0');
  const records = Array.from({ length: 10_000 }, (_, index) => ({
    ...record(`c-${index}`),
    spec: one.spec,
    layers: one.layers,
  }));
  await store.containers.insert({ records, idPool: wide });
  const listed = store.containers.list();
  expect(listed).toHaveLength(10_000);
  expect(new Set(listed.map(({ spec }) => spec)).size).toBe(1);
  expect(store.containers.list()[0]?.spec).toBe(listed[0]?.spec);
});

test('a data root of a newer format is refused', async () => {
  await store.close();
  const { closeDatabase, openDatabase } = await import('../../../src/records/database.js');
  const tables = await openDatabase(directory);
  tables.meta.putSync('format', 99);
  await closeDatabase(tables);
  await expect(openRecords(directory)).rejects.toThrow('its format is 99');
  store = { close: async () => {} } as RecordsStore;
});

describe('ports of the host', () => {
  const holding = (hostPort: number, hostIp = '', name = ''): ContainerRecord => ({
    ...record(name),
    ports: [{ protocol: 'tcp', hostIp, hostPort, containerPort: 80 }],
  });

  test('have one owner each, and overlapping addresses exclude each other', async () => {
    const [web] = await insert(holding(8080, '', 'web'));
    await insert(holding(8081, '127.0.0.1'), holding(8081, '127.0.0.2'), holding(8081, '::1'));
    await expect(insert(holding(8080))).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      details: { container: web?.id, port: 8080 },
    });
    await expect(insert(holding(8080, '127.0.0.1'))).rejects.toThrow('Bind for 127.0.0.1:8080');
    await expect(insert(holding(8081, '0.0.0.0'))).rejects.toThrow('already allocated');
    await expect(insert(holding(8081, '::'))).rejects.toThrow('already allocated');
    await expect(insert(holding(9000), holding(9000))).rejects.toThrow('already allocated');
    expect(store.containers.count()).toBe(4);
  });

  test('are freed when the record gives them up or goes', async () => {
    const [web] = await insert(holding(8080));
    const [other] = await insert(holding(8081));
    if (web === undefined || other === undefined) throw new Error('They are there');
    const owner = (hostPort: number): string | undefined =>
      store.ports.owner({ protocol: 'tcp', hostIp: '', hostPort, containerPort: 80 });
    expect(owner(8080)).toBe(web.id);
    await store.containers.change([web.id], null, (found) => ({ ...found, ports: [] }));
    await store.containers.change([other.id], null, () => null);
    expect([owner(8080), owner(8081)]).toEqual([undefined, undefined]);
    const [again] = await store.containers.change([web.id], null, (found) => ({
      ...found,
      ports: holding(8081).ports,
    }));
    expect(again?.ports).toHaveLength(1);
    await store.containers.change([web.id], null, (found) => ({ ...found, restartCount: 1 }));
    expect(owner(8081)).toBe(web.id);
  });
});

test('a write that the lock does not let through fails, and nothing waits for it', async () => {
  const { openDatabase } = await import('../../../src/records/database.js');
  const other = join(directory, 'other');
  mkdirSync(other);
  const { root, writer, meta } = await openDatabase(other);
  writer.gate.leave();
  const writes = ['one', 'two'].map((key) => writer.write(() => void meta.put(key, 1)));
  const results = await Promise.allSettled(writes);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await writer.settled();
  await root.close();
});

test('what a process left that was killed while it made the database does not matter, and goes', async () => {
  const { closeDatabase, openDatabase } = await import('../../../src/records/database.js');
  const other = join(directory, 'other');
  const left = join(other, 'records.new');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'data.mdb'), 'half');
  await closeDatabase(await openDatabase(other));
  expect(existsSync(left)).toBe(false);
});

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IdClaims } from '../../../src/engine/state/id-claims.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';
import { newScope, removeScope, type TestScope } from '../../scope.js';

const size = 0x10000;

describeAsRoot('ids of two data roots', () => {
  /** Of this test alone: nobody else's pool begins there. */
  const idPool = { base: 0xe8010000, count: 4 * size };
  let engines: TestEngine[];

  beforeEach(async () => {
    engines = [await openTestEngine({ idPool }), await openTestEngine({ idPool })];
  });
  afterEach(async () => {
    for (const engine of engines) await engine[Symbol.asyncDispose]();
  });

  async function create({ engine }: TestEngine): Promise<number> {
    const container = await engine.create({ image: 'tiny', command: ['pause'] });
    const { record } = await container.inspect();
    return record.ids?.base ?? 0;
  }

  test('of one pool are never the same, and come free with the engine that had them', async () => {
    const [one, two] = engines;
    if (one === undefined || two === undefined) throw new Error('Two were opened');
    const bases = await Promise.all([one, two, one, two].map(create));
    expect(bases.toSorted()).toEqual([0, 1, 2, 3].map((slot) => idPool.base + slot * size));
    await expect(create(one)).rejects.toMatchObject({ code: 'ID_POOL_EXHAUSTED' });
    engines = [two];
    await one[Symbol.asyncDispose]();
    const more = [await create(two), await create(two)];
    expect(new Set([...bases, ...more]).size).toBe(4);
    await expect(create(two)).rejects.toMatchObject({ code: 'ID_POOL_EXHAUSTED' });
  });
});

function claimsIn(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => /^\d+$/.test(name));
}

describeAsRoot('claims of ids', () => {
  let scope: TestScope;
  let directory: string;

  beforeEach(() => {
    scope = newScope();
    directory = join(scope.directory, 'ids');
    for (const name of ['one', 'two']) mkdirSync(join(scope.directory, name));
  });
  afterEach(() => {
    removeScope(scope);
  });

  function claimsOf(name: string): IdClaims {
    return new IdClaims(join(scope.directory, name), directory);
  }

  test('hold for all ids of a range, also for one that lies across two slots', () => {
    expect(claimsOf('one').claim({ base: size, count: size })).toBe(true);
    expect(claimsOf('one').claim({ base: size, count: size })).toBe(true);
    expect(claimsOf('two').claim({ base: size / 2, count: size })).toBe(false);
    expect(claimsIn(directory)).toEqual(['1']);
    expect(() => claimsOf('two').require({ base: size + 1, count: 1 }, 'web')).toThrow(
      'another data root uses its ids',
    );
  });

  test('end with the data root, and with what is kept', () => {
    expect(claimsOf('one').claim({ base: 0, count: 3 * size })).toBe(true);
    rmSync(join(scope.directory, 'one'), { recursive: true });
    expect(claimsOf('two').claim({ base: size, count: size })).toBe(true);
    claimsOf('two').keepOnly([]);
    expect(readdirSync(directory).sort()).toEqual(['0', '2']);
  });

  test('are kept as long as any range is, and are given up without a rest', () => {
    const first = { base: 0, count: size };
    const second = { base: size, count: size };
    const claims = claimsOf('one');
    expect(claims.claim(first) && claims.claim(second)).toBe(true);
    claims.keepOnly([second]);
    expect(claimsIn(directory)).toEqual(['1']);
    expect(claimsOf('one').claim(first)).toBe(true);
    expect(claimsOf('two').claim(first)).toBe(false);
    for (const name of ['one', 'two']) claimsOf(name).keepOnly([]);
    expect(readdirSync(directory)).toEqual([]);
    expect(claimsOf('two').claim(first)).toBe(true);
  });

  test('are more than a file has links', () => {
    const count = 65_536;
    const free = claimsOf('one').claim({ base: 0, count: count * size });
    expect(free).toBe(true);
    expect(claimsIn(directory)).toHaveLength(count);
    expect(claimsOf('two').claim({ base: (count - 1) * size, count: 1 })).toBe(false);
  });

  test('of the first version, links to the data root, hold', () => {
    mkdirSync(directory, { mode: 0o700 });
    symlinkSync(join(scope.directory, 'one'), join(directory, '1'));
    expect(claimsOf('two').claim({ base: size, count: size })).toBe(false);
    expect(claimsOf('one').claim({ base: size, count: size })).toBe(true);
  });

  test('are refused where others than root may write', () => {
    mkdirSync(directory);
    rmSync(directory, { recursive: true });
    symlinkSync(join(scope.directory, 'two'), directory);
    rmSync(join(scope.directory, 'two'), { recursive: true });
    expect(() => claimsOf('one').claim({ base: 0, count: 1 })).toThrow();
    expect(existsSync(join(scope.directory, 'two'))).toBe(false);
  });
});

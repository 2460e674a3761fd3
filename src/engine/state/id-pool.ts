import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf, isProcessGone } from '../../base/errors.js';
import type { IdRange } from '../../model/container.js';
import type { IdPool } from '../../records/id-ranges.js';
import type { EngineContext } from '../context.js';

const pools = new WeakMap<EngineContext, IdPool>();

/** The engine's pool without what the host gives to its own users. Read once per engine. */
export function allocatableIds(context: EngineContext): IdPool {
  let pool = pools.get(context);
  if (pool === undefined) {
    pool = {
      ...context.settings.idPool,
      avoid: hostRanges(),
      claim: (range) => context.idClaims.claim(range),
    };
    pools.set(context, pool);
  }
  return pool;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function numbers(line: string, fields: readonly number[]): number[] {
  const parts = line.split(':');
  return fields.map((field) => Number(parts[field] ?? NaN)).filter(Number.isSafeInteger);
}

/** Users and groups of the host, and ids that they may map themselves (subuid(5)). */
export function hostRanges(): readonly IdRange[] {
  const ranges: IdRange[] = [];
  for (const path of ['/etc/subuid', '/etc/subgid']) {
    for (const line of linesOf(path)) {
      const [base, count] = numbers(line, [1, 2]);
      if (base !== undefined && count !== undefined) ranges.push({ base, count });
    }
  }
  for (const path of ['/etc/passwd', '/etc/group']) {
    for (const line of linesOf(path)) {
      for (const base of numbers(line, path === '/etc/passwd' ? [2, 3] : [2])) {
        ranges.push({ base, count: 1 });
      }
    }
  }
  return ranges;
}

/** First host ids of all user namespaces that have a process. */
export function mappedBases(): ReadonlySet<number> {
  const bases = new Set<number>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const line of mapOf(pid)) {
      const base = Number(line.trim().split(/\s+/)[1]);
      if (Number.isSafeInteger(base)) bases.add(base);
    }
  }
  return bases;
}

function mapOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/uid_map`, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if (isProcessGone(error) || errnoOf(error) === 'EPERM') return [];
    throw error;
  }
}

/** What the records hold no more is other data roots' to use. */
export function keepUsedClaims({ records, idClaims }: EngineContext): void {
  idClaims.keepOnly([...records.idRanges.used(), ...records.idRanges.freed()]);
}

/** Gives back the ranges of removed containers of which the kernel holds nothing. Returns how many. */
export async function releaseUnusedIds(context: EngineContext): Promise<number> {
  const freed = context.records.idRanges.freed();
  if (freed.length === 0) return 0;
  const mapped = [...mappedBases()];
  const unused = freed.filter(
    ({ base, count }) => !mapped.some((id) => id >= base && id < base + count),
  );
  await context.records.idRanges.release(unused);
  keepUsedClaims(context);
  return unused.length;
}

import type { Pressure } from '../../model/stats.js';

/** A number of an interface file; null for "no limit" (`max`, -1, and v1's largest page-aligned number). */
export function limitValue(text: string | null): number | null {
  if (text === null || text === '' || text === 'max') return null;
  const value = Number(text.split(' ')[0]);
  return Number.isNaN(value) || value < 0 || value >= Number.MAX_SAFE_INTEGER ? null : value;
}

/** A count of an interface file; null where the file is missing. */
export function countValue(text: string | null): number | null {
  return text === null || text === '' ? null : Number(text);
}

/** `name value` lines, as memory.stat has them. */
export function flatKeyed(text: string | null): ReadonlyMap<string, number> {
  const map = new Map<string, number>();
  for (const line of text?.split('\n') ?? []) {
    const [name, value] = line.split(' ');
    if (name !== undefined && value !== undefined) map.set(name, Number(value));
  }
  return map;
}

/** `device key=value key=value` lines, as io.stat has them. */
export function nestedKeyed(text: string | null): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const map = new Map<string, ReadonlyMap<string, string>>();
  for (const line of text?.split('\n') ?? []) {
    const [name, ...pairs] = line.split(' ');
    if (name === undefined || name === '') continue;
    map.set(name, new Map(pairs.map((pair) => pair.split('=', 2) as [string, string])));
  }
  return map;
}

type Averages = Pressure['some'];

function averages(pairs: ReadonlyMap<string, string> | undefined): Averages | null {
  if (pairs === undefined) return null;
  const number = (key: string): number => Number(pairs.get(key) ?? 0);
  return {
    avg10: number('avg10'),
    avg60: number('avg60'),
    avg300: number('avg300'),
    totalUs: number('total'),
  };
}

/** A pressure file; null where the kernel has none. */
export function pressure(text: string | null): Pressure | null {
  const lines = nestedKeyed(text);
  const some = averages(lines.get('some'));
  return some === null ? null : { some, full: averages(lines.get('full')) };
}

/** How many numbers a list of ranges (`0-3,5`) names. */
export function countOfRanges(list: string): number {
  return list
    .split(',')
    .filter(Boolean)
    .reduce((count, range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return count + last - first + 1;
    }, 0);
}

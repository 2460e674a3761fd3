import { BadValue } from './bad-value.js';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;
const rule = 'a duration is a sequence of numbers with the units h, m, s, ms';

/** Milliseconds of a duration as Go writes it: `1h30m`, `1.5s`, `300ms`; `0` needs no unit. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  let total = 0;
  part.lastIndex = 0;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) throw new BadValue(rule, '1m30s');
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
  }
  if (text === '') throw new BadValue(rule, '1m30s');
  return Math.round(total);
}

/** As {@link parseDuration}, but zero is refused. */
export function parsePositiveDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms <= 0) throw new BadValue('the duration must be longer than zero', '1m30s');
  return ms;
}

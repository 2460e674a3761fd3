import { BadValue } from './bad-value.js';

const powers: Readonly<Record<string, number>> = { '': 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };
const pattern = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?$/i;
const rule = 'a size is a number with one of the units b, k, m, g, t (powers of 1024)';

/** Bytes: `512m`, `1.5g`, `65536`, `64MiB`. Units are binary, as docker's memory flags have them. */
export function parseSize(text: string): number {
  const match = pattern.exec(text);
  if (match === null) throw new BadValue(rule, '512m');
  const power = powers[(match[2] ?? '').toLowerCase()] ?? 0;
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  if (!Number.isSafeInteger(bytes)) throw new BadValue('the size is too large', '512m');
  return bytes;
}

/** As {@link parseSize}; `-1` means without limit. */
export function parseSizeOrUnlimited(text: string): number {
  return text === '-1' ? -1 : parseSize(text);
}

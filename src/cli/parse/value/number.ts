import { BadValue, type Parse } from './bad-value.js';

export interface IntegerRange {
  readonly min: number;
  readonly max?: number;
  readonly example?: string;
}

/** A parser of whole decimal numbers within a range. */
export function integer({
  min,
  max = Number.MAX_SAFE_INTEGER,
  example,
}: IntegerRange): Parse<number> {
  const upper = max === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${max}`;
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new BadValue(
        `it must be a whole number, ${min} ${upper}`,
        example ?? String(Math.max(min, 1)),
      );
    }
    return value;
  };
}

/** A number of CPUs: `0.5`, `2`. */
export function parseCpus(text: string): number {
  const value = /^\d*\.?\d+$|^\d+\.$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value) || value <= 0) {
    throw new BadValue('it must be a number of CPUs above zero', '1.5');
  }
  return value;
}

/** A kernel list of numbers: `0-3,5`. */
export function parseNumberList(text: string): string {
  const ranges = text.split(',').map((range) => /^(\d+)(?:-(\d+))?$/.exec(range));
  const ordered = ranges.every(
    (range) => range !== null && Number(range[2] ?? range[1]) >= Number(range[1]),
  );
  if (!ordered) throw new BadValue('it must be a list of numbers and ranges', '0-3,5');
  return text;
}

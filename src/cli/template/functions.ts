import { sprintf } from './printf.js';
import { isMap, isObject, isTrue, show } from './value.js';

/** What a function's misuse throws: the evaluator adds the position. */
export class Misuse extends Error {}

export type TemplateFunction = (...values: readonly unknown[]) => unknown;

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new Misuse(`${name} needs a string, not ${show(value)}`);
  return value;
}

function count(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new Misuse(`${name} needs a whole number, not ${show(value)}`);
  }
  return value;
}

function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  throw new Misuse(`${show(value)} has no length`);
}

function element(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const position = count(key, 'index');
    if (position >= value.length)
      throw new Misuse(`the index ${position} is out of range: there are ${value.length}`);
    return value[position];
  }
  if (!isObject(value)) throw new Misuse(`cannot take an element of ${show(value)}`);
  const name = text(key, 'index');
  if (Object.hasOwn(value, name)) return value[name];
  // Go gives the zero value for a missing key; labels and the like hold strings.
  if (isMap(value)) return '';
  throw new Misuse(`there is no ${JSON.stringify(name)}`);
}

function compare(a: unknown, b: unknown): number {
  const comparable =
    (typeof a === 'number' && typeof b === 'number') ||
    (typeof a === 'string' && typeof b === 'string');
  if (!comparable) throw new Misuse(`cannot compare ${show(a)} with ${show(b)}`);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function same(a: unknown, b: unknown): boolean {
  const left = a ?? null;
  const right = b ?? null;
  if (left !== null && right !== null && typeof left !== typeof right) {
    throw new Misuse(`cannot compare ${show(a)} with ${show(b)}: their types differ`);
  }
  return left === right;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Misuse(`${name} needs a list, not ${show(value)}`);
  return value as readonly unknown[];
}

function padText(value: unknown, before: unknown, after: unknown): string {
  const source = text(value, 'pad');
  if (source === '') return source;
  return ' '.repeat(count(before, 'pad')) + source + ' '.repeat(count(after, 'pad'));
}

function titleCase(value: unknown): string {
  return text(value, 'title').replace(
    /(^|[^\p{L}\p{N}_'])(\p{L})/gu,
    (_, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

/** Go's `print`: spaces between operands when neither is a string. */
function print(...values: readonly unknown[]): string {
  return values.reduce<string>((line, value, index) => {
    const spaced = index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string';
    return line + (spaced ? ' ' : '') + show(value);
  }, '');
}

/** Docker's and Go's functions by name. `and` and `or` are the evaluator's: they stop early. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => JSON.stringify(value ?? null),
  len: length,
  index: (value, ...keys) => keys.reduce(element, value),
  not: (value) => !isTrue(value),
  eq: (first, ...others) => {
    if (others.length === 0) throw new Misuse('eq needs two values');
    return others.some((other) => same(first, other));
  },
  ne: (a, b) => !same(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  print,
  println: (...values) => `${values.map(show).join(' ')}\n`,
  printf: (format, ...values) => sprintf(text(format, 'printf'), values),
  split: (value, separator) => text(value, 'split').split(text(separator, 'split')),
  join: (values, separator) => list(values, 'join').map(show).join(text(separator, 'join')),
  lower: (value) => text(value, 'lower').toLowerCase(),
  upper: (value) => text(value, 'upper').toUpperCase(),
  title: titleCase,
  truncate: (value, size) =>
    [...text(value, 'truncate')].slice(0, count(size, 'truncate')).join(''),
  pad: padText,
};

import { BadValue, type Parse } from './bad-value.js';

/** A parser that accepts only the words given. */
export function choice<T extends string>(...words: readonly T[]): Parse<T> {
  const list = words.join(', ');
  return (text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new BadValue(`it must be one of ${list}`, words[0] ?? '');
    return found;
  };
}

/** The values that Go's flag package takes for a boolean; undefined for any other text. */
export function booleanWord(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}

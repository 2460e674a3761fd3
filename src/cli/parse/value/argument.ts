import { refusedValue } from '../../program/usage-error.js';
import type { Parse } from './bad-value.js';

/** The value of an argument, whose name an error names. */
export function parseArgument<T>(name: string, text: string, parse: Parse<T>): T {
  try {
    return parse(text);
  } catch (error) {
    throw refusedValue(error, { flag: name, value: text });
  }
}

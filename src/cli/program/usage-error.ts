import { WarrenError } from '../../base/errors.js';
import { BadValue } from '../parse/value/bad-value.js';

/** Codes of errors in the flags themselves: docker ends with 125 for them, whatever the command. */
export const flagErrorCodes: readonly string[] = [
  'UNKNOWN_FLAG',
  'FLAG_NEEDS_VALUE',
  'BAD_FLAG_VALUE',
];

export interface RefusedValue {
  /** `--memory`, or the name of an argument. */
  readonly flag: string;
  readonly value: string;
}

/** Completes a parser's {@link BadValue} with the flag; any other error is given back as it is. */
export function refusedValue(error: unknown, { flag, value }: RefusedValue): unknown {
  if (!(error instanceof BadValue)) return error;
  const separator = flag.startsWith('-') ? ' ' : ': ';
  const quoted = /[\s*"]/.test(error.example) ? `'${error.example}'` : error.example;
  return new WarrenError(
    'invalidArgument',
    'BAD_FLAG_VALUE',
    `Invalid value ${JSON.stringify(value)} for ${flag}: ${error.rule}`,
    { hint: `Example: ${flag}${separator}${quoted}`, cause: error, details: { flag, value } },
  );
}

/** A command line that does not fit the command: too few arguments, flags that exclude each other. */
export function usageError(message: string, hint?: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'BAD_USAGE',
    message,
    hint === undefined ? {} : { hint },
  );
}

/** A flag that is not known, or that lacks its value. */
export function flagError(
  code: 'UNKNOWN_FLAG' | 'FLAG_NEEDS_VALUE',
  message: string,
  hint: string,
): WarrenError {
  return new WarrenError('invalidArgument', code, message, { hint });
}

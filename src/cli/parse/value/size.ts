import { isWarrenError } from '../../../base/errors.js';
import { parseBytes } from '../../../base/units.js';
import { BadValue } from './bad-value.js';

const rule = 'a size is a number with one of the units b, k, m, g, t (powers of 1024)';

/** As {@link parseSize}; `-1` means without limit. */
export function parseSizeOrUnlimited(text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    if (isWarrenError(error, 'invalidArgument')) throw new BadValue(rule, '512m');
    throw error;
  }
}

/** Bytes: `512m`, `1.5g`, `65536`, `64MiB`. Units are binary, as docker's memory flags have them. */
export function parseSize(text: string): number {
  const bytes = parseSizeOrUnlimited(text);
  if (bytes < 0) throw new BadValue(rule, '512m');
  return bytes;
}

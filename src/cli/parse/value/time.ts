import { isWarrenError } from '../../../base/errors.js';
import { parseTime as parseAnyTime } from '../../../base/units.js';
import { BadValue } from './bad-value.js';

/**
 * Milliseconds since the epoch of `2026-01-02T15:04:05Z`, `1700000000.5` or `10m` (ten minutes before now).
 */
export function parseTime(text: string): number {
  try {
    return Math.round(parseAnyTime(text, Date.now()));
  } catch (error) {
    if (!isWarrenError(error, 'invalidArgument')) throw error;
    throw new BadValue(
      'a time is RFC 3339, seconds since the epoch, or a duration before now',
      '2026-01-02T15:04:05Z',
    );
  }
}

import { isWarrenError } from '../../../base/errors.js';
import { parseDuration as parseGoDuration } from '../../../base/units.js';
import { BadValue } from './bad-value.js';

/** Milliseconds of a duration as Go writes it: `1h30m`, `1.5s`, `300ms`; `0` needs no unit. */
export function parseDuration(text: string): number {
  try {
    return Math.round(parseGoDuration(text));
  } catch (error) {
    if (!isWarrenError(error, 'invalidArgument')) throw error;
    throw new BadValue(
      'a duration is a sequence of numbers with the units d, h, m, s, ms',
      '1m30s',
    );
  }
}

/** As {@link parseDuration}, but zero is refused. */
export function parsePositiveDuration(text: string): number {
  const ms = parseDuration(text);
  if (ms <= 0) throw new BadValue('the duration must be longer than zero', '1m30s');
  return ms;
}

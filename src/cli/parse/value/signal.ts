import { isWarrenError } from '../../../base/errors.js';
import { parseSignal as signalNumber, signalName } from '../../../model/signals.js';
import { BadValue } from './bad-value.js';

/** The name of a signal that was given by name or number: `SIGTERM`. */
export function parseSignal(text: string): string {
  try {
    return signalName(signalNumber(text));
  } catch (error) {
    if (!isWarrenError(error, 'invalidArgument')) throw error;
    throw new BadValue('it must be a signal name or a number from 1 to 64', 'SIGTERM');
  }
}

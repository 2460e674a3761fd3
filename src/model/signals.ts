import { constants } from 'node:os';
import { WarrenError } from '../base/errors.js';

const realtimeMinimum = 34;
const realtimeMaximum = 64;

const numbers: ReadonlyMap<string, number> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [name, number]),
);

const names: ReadonlyMap<number, string> = new Map(
  // The first name of a number is the usual one: SIGABRT before SIGIOT, SIGIO before SIGPOLL.
  [...numbers].reverse().map(([name, number]) => [number, name]),
);

function realtime(text: string): number | undefined {
  const match = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const offset = Number(match[3] ?? 0) * (match[2] === '-' ? -1 : 1);
  const number = (match[1] === 'MIN' ? realtimeMinimum : realtimeMaximum) + offset;
  return number >= realtimeMinimum && number <= realtimeMaximum ? number : undefined;
}

/**
 * The number of a signal written as `SIGTERM`, `term`, `15` or `SIGRTMIN+3`.
 * @throws WarrenError invalidArgument
 */
export function parseSignal(text: string): number {
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= realtimeMaximum) return number;
  } else {
    const upper = text.toUpperCase();
    const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
    const number = numbers.get(name) ?? realtime(name);
    if (number !== undefined) return number;
  }
  throw new WarrenError('invalidArgument', 'INVALID_SIGNAL', `Invalid signal: ${text}`, {
    hint: 'Write a name such as SIGTERM or a number from 1 to 64',
  });
}

/** `SIGKILL` of 9; real-time signals as `SIGRTMIN+n`. */
export function signalName(number: number): string {
  const name = names.get(number);
  if (name !== undefined) return name;
  const offset = number - realtimeMinimum;
  if (offset < 0 || number > realtimeMaximum) return `SIG${number}`;
  return offset === 0 ? 'SIGRTMIN' : `SIGRTMIN+${offset}`;
}

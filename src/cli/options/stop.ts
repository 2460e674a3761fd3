import type { StopOptions } from '../../engine/contract.js';
import { defined } from '../config/defined.js';
import { integer } from '../parse/value/number.js';
import { parseSignal } from '../parse/value/signal.js';
import { value, type TableFor } from '../program/option.js';

/** How `stop` and `restart` end a container. */
export interface StopFlags {
  readonly signal: string | undefined;
  readonly timeout: number | undefined;
}

export const stopOptions: TableFor<StopFlags> = {
  signal: value('-s, --signal <signal>', 'Signal that asks it to end', {
    parse: parseSignal,
    defaultText: "the container's",
  }),
  timeout: value('-t, --timeout <seconds>', 'Seconds until SIGKILL; -1: never', {
    aliases: ['--time'],
    parse: integer({ min: -1, example: '30' }),
    defaultText: "the container's, 10",
  }),
};

/** -1, docker's word for a wait without end, is the engine's too. */
export function patienceMs(seconds: number | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  return seconds < 0 ? -1 : seconds * 1000;
}

export function stopOptionsOf(flags: StopFlags): Pick<StopOptions, 'stopSignal' | 'timeoutMs'> {
  return defined({ stopSignal: flags.signal, timeoutMs: patienceMs(flags.timeout) });
}

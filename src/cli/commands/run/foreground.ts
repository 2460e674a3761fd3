import { isWarrenError } from '../../../base/errors.js';
import type { ContainerHandle } from '../../../engine/contract.js';
import { parseDetachKeys, defaultDetachKeys } from '../../terminal/detach-keys.js';
import { flag, value, type FlagOption, type ValueOption } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import { isInteractive, terminalSize } from '../../terminal/connect.js';

/** `--detach-keys`, of every command that connects a terminal. */
export const detachKeysOption: ValueOption<Uint8Array> = value(
  '--detach-keys <keys>',
  'Keys that leave the container running',
  {
    parse: parseDetachKeys,
    defaultText: 'ctrl-p,ctrl-q',
  },
);

export const sigProxyOption: FlagOption = flag(
  '--sig-proxy',
  'Pass signals on to the process; --sig-proxy=false: do not',
  { default: true },
);

export function detachKeysOf(given: Uint8Array | undefined): Uint8Array {
  return given ?? defaultDetachKeys;
}

/** A terminal inside needs one outside when keys are to be read from it. */
export function requireTerminal({
  tty,
  stdin,
}: {
  readonly tty: boolean;
  readonly stdin: boolean;
}): void {
  if (tty && stdin && !isInteractive()) {
    throw usageError(
      'The input device is not a terminal',
      'Leave out -t (--tty), or run it from a terminal',
    );
  }
}

/** The size to start a terminal with; nothing without one. */
export function terminalOf(tty: boolean): {
  readonly terminal?: { readonly columns: number; readonly rows: number };
} {
  return tty ? { terminal: terminalSize() } : {};
}

/** Waits until a container that is removed at its end is gone. */
export async function untilRemoved(container: ContainerHandle, signal: AbortSignal): Promise<void> {
  try {
    await container.wait({ condition: 'removed', signal });
  } catch (error) {
    if (!isWarrenError(error, 'notFound')) throw error;
  }
}

import { createInterface } from 'node:readline/promises';
import type { CommandContext } from '../context.js';
import { flag, type FlagOption } from '../program/option.js';

export const forceOption: FlagOption = flag('-f, --force', 'Do not ask first');

/** Asks on the terminal; anything but y or yes, and an end of the input, mean no. */
export async function confirm(
  { output, signal }: CommandContext,
  warning: string,
): Promise<boolean> {
  output.note(`${output.paintError('yellow', 'Warning:')} ${warning}`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([
      lines.question('Are you sure you want to continue? [y/N] ', { signal }),
      ended,
    ]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    lines.close();
  }
}

import type { ReadStream } from 'node:tty';
import { passOutputThrough } from '../../host/linux/terminal-output.js';

/**
 * Puts a terminal into raw mode until disposed. It is put back when the process exits for any other reason too.
 */
export function rawMode(input: ReadStream): Disposable {
  const wasRaw = input.isRaw;
  const restore = (): void => {
    input.setRawMode(wasRaw);
  };
  process.on('exit', restore);
  input.setRawMode(true);
  passOutputThrough();
  return {
    [Symbol.dispose]: () => {
      process.off('exit', restore);
      restore();
    },
  };
}

import type { ReadStream } from 'node:tty';

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
  return {
    [Symbol.dispose]: () => {
      process.off('exit', restore);
      restore();
    },
  };
}

/** The program itself, which start/start.ts loads. */
import { runProgram } from './program/run-program.js';
import { Signals } from './signals.js';

/** Resolves when everything written so far has left the process. */
async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return;
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}

async function main(): Promise<void> {
  const signals = new Signals();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    signals.readerGone();
  });
  const code = await runProgram(process.argv.slice(2), signals);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
}

void main();

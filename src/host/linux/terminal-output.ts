import { spawnSync } from 'node:child_process';

/**
 * Lets a raw terminal on stdin pass output through unchanged. Node's raw mode leaves the translation of line ends on: a
 * program that has turned it off in its own terminal, as every full-screen program does, would be drawn wrongly.
 * Leaving Node's raw mode puts it back. False when the machine has no `stty`: then output is still translated.
 */
export function passOutputThrough(): boolean {
  const result = spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  return result.status === 0;
}

import type { LogEntry } from './reader.js';

const space = 0x20;

/**
 * Takes one line of a CRI log apart: `TIME STREAM FLAG TEXT` without its newline. null when it is none (a file that was cut
 * or written by somebody else).
 */
export function parseLogLine(line: Buffer): LogEntry | null {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 0 || second < 0 || third < 0) return null;
  const time = line.toString('latin1', 0, first);
  const stream = line.toString('latin1', first + 1, second);
  const flag = line.toString('latin1', second + 1, third);
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs) || (stream !== 'stdout' && stream !== 'stderr')) return null;
  return { timeMs, time, stream, text: line.subarray(third + 1), partial: flag === 'P' };
}

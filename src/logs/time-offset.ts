import type { FileHandle } from 'node:fs/promises';
import { parseLogLine } from './log-line.js';

/** Longest line: 16,384 bytes of text, and what comes before it. */
const probeBytes = 2 * 17_408;
/** A range as small as this is read rather than searched. */
const smallRange = 262_144;

/** Time of the first whole line at or after `offset`, and where it begins. */
async function lineAfter(
  handle: FileHandle,
  offset: number,
): Promise<{ readonly start: number; readonly timeMs: number } | null> {
  const block = Buffer.allocUnsafe(probeBytes);
  const { bytesRead } = await handle.read(block, 0, probeBytes, offset);
  const data = block.subarray(0, bytesRead);
  const start = data.indexOf('\n') + 1;
  const end = data.indexOf('\n', start);
  const entry = start > 0 && end > 0 ? parseLogLine(data.subarray(start, end)) : null;
  return entry === null ? null : { start: offset + start, timeMs: entry.timeMs };
}

/** An offset at a line's begin before which all lines are older than `sinceMs`. Found by bisection: lines are in order of time. */
export async function offsetOfTime(
  handle: FileHandle,
  size: number,
  sinceMs: number,
): Promise<number> {
  let low = 0;
  let high = size;
  while (high - low > smallRange) {
    const middle = Math.floor((low + high) / 2);
    const line = await lineAfter(handle, middle);
    if (line === null) return low;
    if (line.timeMs < sinceMs) low = line.start;
    else high = middle;
  }
  return low;
}

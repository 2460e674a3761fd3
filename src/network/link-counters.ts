import { readFileSync } from 'node:fs';
import { isProcessGone } from '../base/errors.js';
import type { LinkStats } from '../model/stats.js';

/** Counters of the links that a process sees, but `lo`; null when the process is gone. */
export function linkCounters(pid: number): Readonly<Record<string, LinkStats>> | null {
  try {
    return parseLinks(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
  } catch (error) {
    if (isProcessGone(error)) return null;
    throw error;
  }
}

/** `/proc/PID/net/dev`: two lines of headings, then eight counters of what came in and eight of what went out. */
export function parseLinks(text: string): Readonly<Record<string, LinkStats>> {
  const found: Record<string, LinkStats> = {};
  for (const line of text.trimEnd().split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, colon).trim();
    const counters = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    if (colon < 0 || name === 'lo' || counters.length < 12) continue;
    const at = (index: number): number => counters[index] ?? 0;
    found[name] = {
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    };
  }
  return found;
}

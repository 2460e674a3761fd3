import { BadValue } from './bad-value.js';
import { parseDuration } from './duration.js';

const rfc3339 = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const rule = 'a time is RFC 3339, seconds since the epoch, or a duration before now';

function fromCalendar(text: string): number | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, date = '', minutes = '00:00', seconds = ':00', zone = ''] = match;
  const ms = Date.parse(`${date}T${minutes}${seconds}${zone}`);
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * Milliseconds since the epoch of `2026-01-02T15:04:05Z`, `2026-01-02` (local time), `1700000000.5`
 * or `10m` (ten minutes before `nowMs`).
 */
export function parseTime(text: string, nowMs: number): number {
  const calendar = fromCalendar(text);
  if (calendar !== undefined) return calendar;
  if (/^\d+(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1000);
  try {
    return nowMs - parseDuration(text);
  } catch (error) {
    if (error instanceof BadValue) throw new BadValue(rule, '2026-01-02T15:04:05Z');
    throw error;
  }
}

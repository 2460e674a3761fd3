import { WarrenError } from './errors.js';

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};

/**
 * Docker's size syntax: `64m`, `1.5g`, `512k`, `1024`, `10MiB`, `10MB` (all units are powers of 1024). `-1` stands for "none".
 * @throws WarrenError invalidArgument naming `field`
 */
export function parseBytes(text: string, field = 'size'): number {
  if (text.trim() === '-1') return -1;
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(i?b)?$/i.exec(text.trim());
  const unit = byteUnits[match?.[2]?.toLowerCase() ?? ''];
  const value = Math.floor(Number(match?.[1]) * (unit ?? NaN));
  if (match === null || !Number.isSafeInteger(value)) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_SIZE',
      `Invalid ${field} "${text}": not a size`,
      {
        hint: 'Write a number with an optional unit: 512k, 64m, 1.5g',
      },
    );
  }
  return value;
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let index = 0;
  let rest = value;
  while (rest >= base && index < units.length - 1) {
    rest /= base;
    index += 1;
  }
  return `${Number(rest.toPrecision(base === 1000 ? 3 : 4))}${units[index] ?? ''}`;
}

/** As docker shows sizes on disk: powers of 1000, `1.05MB`. */
export function formatSize(bytes: number): string {
  return scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** As docker shows memory: powers of 1024, `12.5MiB`. */
export function formatMemory(bytes: number): string {
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

const durationUnitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A duration as Go and Docker write it, in ms: `10s`, `1h30m`, `1.5s`, `250ms`; `0` alone is allowed; `d` for days too.
 * @throws WarrenError invalidArgument naming `field`
 */
export function parseDuration(text: string, field = 'duration'): number {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(trimmed)) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_DURATION',
      `Invalid ${field} "${text}": not a duration`,
      {
        hint: 'Write numbers with units: 500ms, 10s, 1m30s, 2h',
      },
    );
  }
  let total = 0;
  for (const [, value, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)) {
    total += Number(value) * (durationUnitsMs[unit ?? ''] ?? 0);
  }
  return total;
}

/** A duration as Go prints it: `1h30m0s`, `1.5s`, `250ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1) return `${Number((ms * 1000).toFixed(3))}µs`;
  if (ms < 1000) return `${Number(ms.toFixed(6))}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = `${Number(((ms % 60_000) / 1000).toFixed(6))}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** As docker says how long ago something was: `About a minute`, `3 hours`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.round(ms / 3_600_000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/**
 * A point in time as `--since` and `--until` take it, in ms since the epoch: RFC 3339, a date, seconds since the epoch
 * (with fraction), or a duration before `nowMs`.
 * @throws WarrenError invalidArgument
 */
export function parseTime(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const ms = Date.parse(text);
    if (!Number.isNaN(ms)) return ms;
  }
  try {
    return nowMs - parseDuration(text);
  } catch (cause) {
    throw new WarrenError('invalidArgument', 'INVALID_TIME', `Invalid time "${text}"`, {
      hint: 'Write 2026-01-31T12:00:00Z, seconds since the epoch, or a duration such as 10m',
      cause,
    });
  }
}

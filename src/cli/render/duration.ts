const secondMs = 1000;

/** A span for progress lines: `0.4s`, `12s`, `3m05s`. */
export function shortDuration(ms: number): string {
  if (ms < 10 * secondMs) return `${(ms / secondMs).toFixed(1)}s`;
  const seconds = Math.round(ms / secondMs);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}

/** `2026-01-02 15:04:05 +0000 UTC`, docker's CreatedAt, in UTC. */
export function calendarTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

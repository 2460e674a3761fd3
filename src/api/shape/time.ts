const never = '0001-01-01T00:00:00Z';

/** RFC 3339 with nanoseconds as Docker writes it; 0 (unknown, not yet) is Go's zero time. */
export function dockerTime(ms: number): string {
  if (ms === 0) return never;
  const whole = Math.floor(ms);
  const nanoseconds = Math.round((ms - whole) * 1e6);
  const base = new Date(whole).toISOString().slice(0, -1);
  return `${base}${String(nanoseconds).padStart(6, '0')}Z`;
}

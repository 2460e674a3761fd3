import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/** How busy the machine is. Pressure: the share of the last ten seconds that some task waited, in percent; null: not told. */
export interface Business {
  readonly load1: number;
  readonly cpuPercent: number | null;
  readonly memoryPercent: number | null;
  readonly ioPercent: number | null;
}

export function readBusiness(): Business {
  return {
    load1: loadavg()[0] ?? 0,
    cpuPercent: pressureOf('cpu'),
    memoryPercent: pressureOf('memory'),
    ioPercent: pressureOf('io'),
  };
}

function pressureOf(resource: string): number | null {
  const path = `/proc/pressure/${resource}`;
  if (!existsSync(path)) return null;
  const match = /^some avg10=([\d.]+)/m.exec(readFileSync(path, 'utf8'));
  return match === null ? null : Number(match[1]);
}

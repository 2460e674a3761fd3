import { formatMemory, formatSize } from '../../base/units.js';
import type { ContainerStats } from '../../model/stats.js';
import type { ListView } from '../render/format.js';

/** Two readings of one container, from which a rate is made; without a first one there is none. */
export interface StatsSample {
  readonly previous: ContainerStats | undefined;
  readonly current: ContainerStats;
}

const unknown = '--';

/** Percent of one CPU since the reading before. */
export function cpuPercent({ previous, current }: StatsSample): number | undefined {
  if (previous === undefined || previous.cpu === null || current.cpu === null) return undefined;
  const elapsedUs = (current.readAtMs - previous.readAtMs) * 1000;
  if (elapsedUs <= 0) return undefined;
  return (Math.max(0, current.cpu.usageUs - previous.cpu.usageUs) / elapsedUs) * 100;
}

/** What is in use for good: the file cache is given back when memory is short. */
function usedMemory(memory: NonNullable<ContainerStats['memory']>): number {
  return Math.max(0, memory.usageBytes - memory.cacheBytes);
}

function percent(value: number | undefined): string {
  return value === undefined ? unknown : `${value.toFixed(2)}%`;
}

function blockIo({ io }: ContainerStats): string {
  if (io === null) return unknown;
  const sum = (field: 'readBytes' | 'writeBytes'): number =>
    io.reduce((total, device) => total + device[field], 0);
  return `${formatSize(sum('readBytes'))} / ${formatSize(sum('writeBytes'))}`;
}

function netIo({ networks }: ContainerStats): string {
  if (networks === null) return unknown;
  const sum = (field: 'rxBytes' | 'txBytes'): number =>
    Object.values(networks).reduce((total, link) => total + link[field], 0);
  return `${formatSize(sum('rxBytes'))} / ${formatSize(sum('txBytes'))}`;
}

/** How `stats` shows containers; `hostMemoryBytes` is the limit of those that have none. */
export function statsView(options: {
  readonly hostMemoryBytes: number;
  readonly truncate: boolean;
}): ListView<StatsSample> {
  return {
    headings: {
      Container: 'CONTAINER',
      ID: 'CONTAINER ID',
      Name: 'NAME',
      CPUPerc: 'CPU %',
      MemUsage: 'MEM USAGE / LIMIT',
      MemPerc: 'MEM %',
      NetIO: 'NET I/O',
      BlockIO: 'BLOCK I/O',
      PIDs: 'PIDS',
      Pressure: 'CPU/MEM/IO PRESSURE',
    },
    columns: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
    row: (sample) => {
      const { current } = sample;
      const { memory, pressure } = current;
      const limit = memory?.limitBytes ?? options.hostMemoryBytes;
      const id = options.truncate ? current.id.slice(0, 12) : current.id;
      return {
        Container: id,
        ID: id,
        Name: current.name,
        CPUPerc: percent(cpuPercent(sample)),
        MemUsage:
          memory === null
            ? unknown
            : `${formatMemory(usedMemory(memory))} / ${formatMemory(limit)}`,
        MemPerc: memory === null ? unknown : percent((usedMemory(memory) / limit) * 100),
        NetIO: netIo(current),
        BlockIO: blockIo(current),
        PIDs: current.pids === null ? unknown : String(current.pids.current),
        Pressure: [pressure.cpu, pressure.memory, pressure.io]
          .map((item) => percent(item?.some.avg10))
          .join(' '),
      };
    },
  };
}

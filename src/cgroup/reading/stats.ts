import type { CgroupStats } from '../../model/stats.js';
import type { OwnGroups } from './own-groups.js';
import { countValue, flatKeyed, limitValue, nestedKeyed, pressure } from './parse.js';

type Memory = NonNullable<CgroupStats['memory']>;
type Cpu = NonNullable<CgroupStats['cpu']>;
type Io = NonNullable<CgroupStats['io']>;
type Pids = NonNullable<CgroupStats['pids']>;

function memoryV1(groups: OwnGroups): Memory | null {
  const usage = countValue(groups.read('memory', 'memory.usage_in_bytes'));
  if (usage === null) return null;
  const stat = flatKeyed(groups.read('memory', 'memory.stat'));
  const swap = stat.get('total_swap');
  return {
    usageBytes: usage,
    maxUsageBytes: countValue(groups.read('memory', 'memory.max_usage_in_bytes')),
    limitBytes: limitValue(groups.read('memory', 'memory.limit_in_bytes')),
    cacheBytes: stat.get('total_cache') ?? 0,
    rssBytes: stat.get('total_rss') ?? 0,
    swapBytes: swap ?? null,
    failCount: countValue(groups.read('memory', 'memory.failcnt')) ?? 0,
    oomKills: flatKeyed(groups.read('memory', 'memory.oom_control')).get('oom_kill') ?? 0,
  };
}

function memoryV2(groups: OwnGroups): Memory | null {
  const usage = countValue(groups.read('memory', 'memory.current'));
  if (usage === null) return null;
  const stat = flatKeyed(groups.read('memory', 'memory.stat'));
  const events = flatKeyed(groups.read('memory', 'memory.events'));
  return {
    usageBytes: usage,
    maxUsageBytes: countValue(groups.read('memory', 'memory.peak')),
    limitBytes: limitValue(groups.read('memory', 'memory.max')),
    cacheBytes: stat.get('file') ?? 0,
    rssBytes: stat.get('anon') ?? 0,
    swapBytes: countValue(groups.read('memory', 'memory.swap.current')),
    failCount: events.get('max') ?? 0,
    oomKills: events.get('oom_kill') ?? 0,
  };
}

/** Usage is in the unified group on every host; throttling is where the CPU controller is. */
function cpu(groups: OwnGroups): Cpu | null {
  const usage = flatKeyed(groups.readUnified('cpu.stat'));
  if (usage.size === 0) return null;
  const throttling = flatKeyed(groups.read('cpu', 'cpu.stat'));
  const throttledNs = throttling.get('throttled_time');
  return {
    usageUs: usage.get('usage_usec') ?? 0,
    userUs: usage.get('user_usec') ?? 0,
    systemUs: usage.get('system_usec') ?? 0,
    periods: throttling.get('nr_periods') ?? 0,
    throttledPeriods: throttling.get('nr_throttled') ?? 0,
    throttledUs:
      throttledNs === undefined
        ? (throttling.get('throttled_usec') ?? 0)
        : Math.round(throttledNs / 1000),
  };
}

/** Where processes are not limited, the tasks of the unified group are counted. */
function pids(groups: OwnGroups): Pids | null {
  const current = countValue(groups.read('pids', 'pids.current'));
  if (current !== null) return { current, limit: limitValue(groups.read('pids', 'pids.max')) };
  const tasks = groups.readUnified('cgroup.threads');
  if (tasks === null) return null;
  return { current: tasks.split('\n').filter(Boolean).length, limit: null };
}

function ioV2(text: string): Io {
  return [...nestedKeyed(text)].map(([device, values]) => {
    const number = (key: string): number => Number(values.get(key) ?? 0);
    return {
      device,
      readBytes: number('rbytes'),
      writeBytes: number('wbytes'),
      reads: number('rios'),
      writes: number('wios'),
    };
  });
}

/** `major:minor Operation count` lines, and a total at the end. */
function operationsV1(text: string | null): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const devices = new Map<string, Map<string, number>>();
  for (const line of text?.split('\n') ?? []) {
    const [device, operation, count] = line.split(' ');
    if (device === undefined || operation === undefined || count === undefined) continue;
    const counts = devices.get(device) ?? new Map<string, number>();
    devices.set(device, counts.set(operation, Number(count)));
  }
  return devices;
}

function ioV1(groups: OwnGroups, bytesText: string): Io {
  const bytes = operationsV1(bytesText);
  const operations = operationsV1(
    groups.read('io', 'blkio.throttle.io_serviced_recursive') ??
      groups.read('io', 'blkio.throttle.io_serviced'),
  );
  return [...bytes].map(([device, counts]) => ({
    device,
    readBytes: counts.get('Read') ?? 0,
    writeBytes: counts.get('Write') ?? 0,
    reads: operations.get(device)?.get('Read') ?? 0,
    writes: operations.get(device)?.get('Write') ?? 0,
  }));
}

function io(groups: OwnGroups): Io | null {
  if (groups.version('io') === 1) {
    const bytes =
      groups.read('io', 'blkio.throttle.io_service_bytes_recursive') ??
      groups.read('io', 'blkio.throttle.io_service_bytes');
    return bytes === null ? null : ioV1(groups, bytes);
  }
  const text = groups.read('io', 'io.stat');
  return text === null ? null : ioV2(text);
}

/** One reading of everything. Costs about a dozen small files. */
export function readStats(groups: OwnGroups): CgroupStats {
  return {
    cpu: cpu(groups),
    memory: groups.version('memory') === 1 ? memoryV1(groups) : memoryV2(groups),
    pids: pids(groups),
    io: io(groups),
    pressure: {
      cpu: pressure(groups.readUnified('cpu.pressure')),
      memory: pressure(groups.readUnified('memory.pressure')),
      io: pressure(groups.readUnified('io.pressure')),
    },
  };
}

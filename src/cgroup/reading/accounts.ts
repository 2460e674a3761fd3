import type { LimitAccount } from '../../model/stats.js';
import type { OwnGroups } from './own-groups.js';
import { countOfRanges, countValue, flatKeyed, limitValue, nestedKeyed } from './parse.js';

type AccountsOf = (groups: OwnGroups) => LimitAccount[];

const nothing = { held: null, maximum: null, limit: null, timesHit: null };

function memoryV1(groups: OwnGroups): LimitAccount[] {
  const read = (file: string): string | null => groups.read('memory', file);
  if (read('memory.usage_in_bytes') === null) return [];
  const row = (resource: string, prefix: string): LimitAccount => ({
    resource,
    unit: 'bytes',
    held: countValue(read(`${prefix}.usage_in_bytes`)),
    maximum: countValue(read(`${prefix}.max_usage_in_bytes`)),
    limit: limitValue(read(`${prefix}.limit_in_bytes`)),
    timesHit: countValue(read(`${prefix}.failcnt`)),
  });
  const rows = [row('memory', 'memory')];
  if (read('memory.memsw.usage_in_bytes') !== null) rows.push(row('memory+swap', 'memory.memsw'));
  const kills = flatKeyed(read('memory.oom_control')).get('oom_kill');
  if (kills !== undefined) {
    rows.push({ ...nothing, resource: 'oom kills', unit: 'count', timesHit: kills });
  }
  return rows;
}

function memoryV2(groups: OwnGroups): LimitAccount[] {
  const read = (file: string): string | null => groups.read('memory', file);
  const held = countValue(read('memory.current'));
  if (held === null) return [];
  const maximum = countValue(read('memory.peak'));
  const events = flatKeyed(read('memory.events'));
  const times = (name: string): number => events.get(name) ?? 0;
  const rows: LimitAccount[] = [
    {
      resource: 'memory',
      unit: 'bytes',
      held,
      maximum,
      limit: limitValue(read('memory.max')),
      timesHit: times('max'),
    },
  ];
  const high = limitValue(read('memory.high'));
  if (high !== null) {
    const timesHit = times('high');
    rows.push({ resource: 'memory.high', unit: 'bytes', held, maximum, limit: high, timesHit });
  }
  const swap = countValue(read('memory.swap.current'));
  if (swap !== null) {
    rows.push({
      resource: 'swap',
      unit: 'bytes',
      held: swap,
      maximum: countValue(read('memory.swap.peak')),
      limit: limitValue(read('memory.swap.max')),
      timesHit: flatKeyed(read('memory.swap.events')).get('max') ?? 0,
    });
  }
  rows.push({ ...nothing, resource: 'oom kills', unit: 'count', timesHit: times('oom_kill') });
  return rows;
}

function pids(groups: OwnGroups): LimitAccount[] {
  const held = countValue(groups.read('pids', 'pids.current'));
  if (held === null) return [];
  return [
    {
      resource: 'pids',
      unit: 'count',
      held,
      maximum: countValue(groups.read('pids', 'pids.peak')),
      limit: limitValue(groups.read('pids', 'pids.max')),
      timesHit: flatKeyed(groups.read('pids', 'pids.events')).get('max') ?? null,
    },
  ];
}

interface CpuLimits {
  readonly quotaUs: number | null;
  readonly periodUs: number;
  readonly share: number | null;
}

function cpuLimits(groups: OwnGroups): CpuLimits | undefined {
  const read = (file: string): string | null => groups.read('cpu', file);
  if (groups.version('cpu') === 1) {
    const period = countValue(read('cpu.cfs_period_us'));
    if (period === null) return undefined;
    const quotaUs = limitValue(read('cpu.cfs_quota_us'));
    return { quotaUs, periodUs: period, share: countValue(read('cpu.shares')) };
  }
  const [quota, period] = read('cpu.max')?.split(' ') ?? [];
  if (quota === undefined || period === undefined) return undefined;
  return {
    quotaUs: limitValue(quota),
    periodUs: Number(period),
    share: countValue(read('cpu.weight')),
  };
}

function cpu(groups: OwnGroups): LimitAccount[] {
  const usage = flatKeyed(groups.readUnified('cpu.stat')).get('usage_usec') ?? null;
  const time: LimitAccount = { ...nothing, resource: 'cpu time', unit: 'us', held: usage };
  const limits = cpuLimits(groups);
  if (limits === undefined) return [time];
  const { quotaUs, periodUs, share } = limits;
  return [
    time,
    {
      ...nothing,
      resource: 'cpus',
      unit: 'cpus',
      limit: quotaUs === null ? null : quotaUs / periodUs,
      timesHit: flatKeyed(groups.read('cpu', 'cpu.stat')).get('nr_throttled') ?? 0,
    },
    {
      ...nothing,
      resource: groups.version('cpu') === 1 ? 'cpu shares' : 'cpu weight',
      unit: 'share',
      limit: share,
    },
  ];
}

function cpuset(groups: OwnGroups): LimitAccount[] {
  const cpus = groups.read('cpuset', 'cpuset.cpus');
  if (cpus === null || cpus === '') return [];
  return [{ ...nothing, resource: 'cpuset', unit: 'cpus', limit: countOfRanges(cpus) }];
}

const rates = [
  ['rbps', 'blkio.throttle.read_bps_device', 'read rate', 'bytesPerSecond'],
  ['wbps', 'blkio.throttle.write_bps_device', 'write rate', 'bytesPerSecond'],
  ['riops', 'blkio.throttle.read_iops_device', 'read operations', 'operationsPerSecond'],
  ['wiops', 'blkio.throttle.write_iops_device', 'write operations', 'operationsPerSecond'],
] as const;

function io(groups: OwnGroups): LimitAccount[] {
  if (groups.version('io') === 1) {
    return rates.flatMap(([, file, name, unit]) =>
      [...flatKeyed(groups.read('io', file))].map(([device, limit]) => ({
        ...nothing,
        resource: `${name} ${device}`,
        unit,
        limit,
      })),
    );
  }
  return [...nestedKeyed(groups.read('io', 'io.max'))].flatMap(([device, values]) =>
    rates.flatMap(([key, , name, unit]) => {
      const limit = limitValue(values.get(key) ?? null);
      return limit === null ? [] : { ...nothing, resource: `${name} ${device}`, unit, limit };
    }),
  );
}

/** Page sizes are those of the limits that were asked for: the file system tells no others apart. */
function hugetlb(groups: OwnGroups, pageSizes: readonly string[]): LimitAccount[] {
  return pageSizes.flatMap((size): LimitAccount[] => {
    const read = (file: string): string | null => groups.read('hugetlb', `hugetlb.${size}.${file}`);
    const resource = `hugepages ${size}`;
    if (groups.version('hugetlb') === 1) {
      const held = countValue(read('usage_in_bytes'));
      if (held === null) return [];
      const maximum = countValue(read('max_usage_in_bytes'));
      const timesHit = countValue(read('failcnt'));
      const limit = limitValue(read('limit_in_bytes'));
      return [{ resource, unit: 'bytes', held, maximum, limit, timesHit }];
    }
    const held = countValue(read('current'));
    if (held === null) return [];
    const timesHit = flatKeyed(read('events')).get('max') ?? null;
    return [
      { ...nothing, resource, unit: 'bytes', held, limit: limitValue(read('max')), timesHit },
    ];
  });
}

/** Held, maximum, limit and times hit of everything for which the container has a group of its own. */
export function readAccounts(
  groups: OwnGroups,
  pageSizes: readonly string[],
): readonly LimitAccount[] {
  const memory: AccountsOf = groups.version('memory') === 1 ? memoryV1 : memoryV2;
  return [
    ...memory(groups),
    ...pids(groups),
    ...cpu(groups),
    ...cpuset(groups),
    ...io(groups),
    ...hugetlb(groups, pageSizes),
  ];
}

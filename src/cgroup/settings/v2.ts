import type { LimitController } from '../controllers.js';
import {
  deviceRates,
  hugepages,
  plainSetting,
  refuse,
  swapLimit,
  unsupportedLimit,
  type Setting,
  type SettingContext,
  type SettingsOf,
} from './setting.js';

function memory(context: SettingContext): Setting[] {
  const { resources } = context;
  refuse(
    resources,
    { memorySwappiness: 'the swappiness', oomKillDisable: 'the OOM killer' },
    'cgroup v2 has no such setting',
  );
  const { memoryBytes } = resources;
  const bothBytes = swapLimit(context, 'memory.swap.max');
  const swapBytes = bothBytes === undefined ? undefined : bothBytes - (memoryBytes ?? 0);
  const table: readonly [string, string, number | undefined, string][] = [
    ['a memory limit', 'memory.max', memoryBytes, 'max'],
    ['a swap limit', 'memory.swap.max', swapBytes, 'max'],
    ['a throttling memory limit', 'memory.high', resources.memoryHighBytes, 'max'],
    ['a memory reservation', 'memory.low', resources.memoryReservationBytes, '0'],
    ['protected memory', 'memory.min', resources.memoryMinBytes, '0'],
    [
      'the kill of the whole container when memory runs out',
      'memory.oom.group',
      resources.oomGroup === true ? 1 : undefined,
      '0',
    ],
  ];
  return table.flatMap(([limit, file, value, reset]) =>
    value === undefined ? [] : plainSetting('memory', limit, { file, value, reset }),
  );
}

/**
 * Weight (1 to 10000, usually 100) for v1's shares (2 to 262144, usually 1024): a curve through the
 * two ends and the two defaults, as container runtimes have it since 2025.
 */
export function weightOfShares(shares: number): number {
  const exponent = Math.log2(Math.min(Math.max(shares, 2), 262144));
  return Math.ceil(10 ** ((exponent ** 2 + 125 * exponent) / 612 - 7 / 34));
}

function cpu({ resources }: SettingContext): Setting[] {
  refuse(
    resources,
    { cpuRealtimePeriodUs: 'a real-time period', cpuRealtimeRuntimeUs: 'real-time scheduling' },
    'cgroup v2 has no such setting',
  );
  const { cpuQuotaUs, cpuPeriodUs, cpuBurstUs, cpuShares } = resources;
  const settings: Setting[] = [];
  if (cpuQuotaUs !== undefined || cpuPeriodUs !== undefined) {
    settings.push(
      plainSetting('cpu', 'a CPU quota', {
        file: 'cpu.max',
        value: `${cpuQuotaUs ?? 'max'} ${cpuPeriodUs ?? 100_000}`,
        reset: 'max 100000',
      }),
    );
  }
  if (cpuBurstUs !== undefined) {
    settings.push(
      plainSetting('cpu', 'a CPU burst', {
        file: 'cpu.max.burst',
        value: cpuBurstUs,
        reset: '0',
        within: 'cpu.max',
      }),
    );
  }
  if (cpuShares !== undefined) {
    settings.push(
      plainSetting('cpu', 'CPU shares', {
        file: 'cpu.weight',
        value: weightOfShares(cpuShares),
        reset: '100',
      }),
    );
  }
  return settings;
}

function cpuset({ resources }: SettingContext): Setting[] {
  const table: readonly [string, string, string | undefined][] = [
    ['a set of CPUs', 'cpuset.cpus', resources.cpusetCpus],
    ['a set of memory nodes', 'cpuset.mems', resources.cpusetMems],
  ];
  // A group with processes in it cannot be emptied of CPUs, which would mean the parent's.
  return table.flatMap(([limit, file, value]) =>
    value === undefined
      ? []
      : plainSetting('cpuset', limit, {
          file,
          value,
          reset: null,
          parentFile: `${file}.effective`,
        }),
  );
}

function pids({ resources }: SettingContext): Setting[] {
  if (resources.pidsLimit === undefined) return [];
  return [
    plainSetting('pids', 'a limit of processes', {
      file: 'pids.max',
      value: resources.pidsLimit,
      reset: 'max',
    }),
  ];
}

interface WeightFile {
  readonly file: string;
  readonly reset: string;
  readonly scaled: (weight: number) => number;
}

/** BFQ keeps v1's scale (10 to 1000); io.weight goes from 1 to 10000. */
const weightFiles: readonly WeightFile[] = [
  { file: 'io.bfq.weight', reset: 'default 100', scaled: (weight) => weight },
  {
    file: 'io.weight',
    reset: 'default 100',
    scaled: (weight) => 1 + Math.round(((weight - 10) * 9999) / 990),
  },
];

function ioWeights(context: SettingContext): Setting[] {
  const { blkioWeight, blkioWeightDevice = [] } = context.resources;
  if (blkioWeight === undefined && blkioWeightDevice.length === 0) return [];
  const limit = 'an I/O weight';
  const target = weightFiles.find(({ file }) => context.has(file));
  if (target === undefined) {
    throw unsupportedLimit(limit, 'this kernel has no I/O scheduler with weights');
  }
  const { file, reset, scaled } = target;
  const settings = blkioWeightDevice.map(({ device, weight }): Setting => {
    const key = context.deviceNumber(device);
    return {
      controller: 'io',
      file,
      key,
      value: `${key} ${scaled(weight)}`,
      reset: `${key} default`,
      limit,
    };
  });
  if (blkioWeight !== undefined) {
    const value = `default ${scaled(blkioWeight)}`;
    settings.unshift(plainSetting('io', limit, { file, value, reset }));
  }
  return settings;
}

const rateKeys = ['rbps', 'wbps', 'riops', 'wiops'] as const;

function ioThrottles(context: SettingContext): Setting[] {
  const byDevice = new Map<string, Map<string, number>>();
  for (const { rates = [], key } of deviceRates(context.resources)) {
    for (const { device, rate } of rates) {
      const number = context.deviceNumber(device);
      byDevice.set(number, (byDevice.get(number) ?? new Map<string, number>()).set(key, rate));
    }
  }
  const line = (device: string, rates: ReadonlyMap<string, number>): string =>
    [device, ...rateKeys.map((key) => `${key}=${rates.get(key) ?? 'max'}`)].join(' ');
  return [...byDevice].map(([device, rates]) => ({
    controller: 'io',
    file: 'io.max',
    key: device,
    value: line(device, rates),
    reset: line(device, new Map()),
    limit: 'the rate of a device',
  }));
}

function io(context: SettingContext): Setting[] {
  return [...ioWeights(context), ...ioThrottles(context)];
}

/** Resources as settings of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
export const settingsV2: Readonly<Record<LimitController, SettingsOf>> = {
  memory,
  cpu,
  cpuset,
  pids,
  io,
  hugetlb: (context) => hugepages(context, 'max', 'max'),
};

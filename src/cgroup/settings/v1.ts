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

const memorySwapFile = 'memory.memsw.limit_in_bytes';

function memory(context: SettingContext): Setting[] {
  const { resources } = context;
  refuse(
    resources,
    {
      memoryHighBytes: 'a throttling memory limit',
      memoryMinBytes: 'protected memory',
      oomGroup: 'the kill of the whole container when memory runs out',
    },
    'it needs cgroup v2',
  );
  const settings: Setting[] = [];
  const add = (
    limit: string,
    entry: {
      file: string;
      value: string | number | undefined;
      reset: string | null;
      within?: string;
    },
  ): void => {
    const { value, ...rest } = entry;
    if (value !== undefined) settings.push(plainSetting('memory', limit, { ...rest, value }));
  };
  add('a memory limit', {
    file: 'memory.limit_in_bytes',
    value: resources.memoryBytes,
    reset: '-1',
    within: memorySwapFile,
  });
  add('a swap limit', {
    file: memorySwapFile,
    value: swapLimit(context, memorySwapFile),
    reset: '-1',
  });
  add('a memory reservation', {
    file: 'memory.soft_limit_in_bytes',
    value: resources.memoryReservationBytes,
    reset: '-1',
  });
  add('the swappiness', {
    file: 'memory.swappiness',
    value: resources.memorySwappiness,
    reset: null,
  });
  add('the OOM killer', {
    file: 'memory.oom_control',
    value: resources.oomKillDisable === true ? 1 : undefined,
    reset: '0',
  });
  return settings;
}

function cpu({ resources }: SettingContext): Setting[] {
  const table: readonly [string, string, number | undefined, string, string?][] = [
    ['a CPU quota', 'cpu.cfs_period_us', resources.cpuPeriodUs, '100000'],
    ['a CPU quota', 'cpu.cfs_quota_us', resources.cpuQuotaUs, '-1'],
    ['a CPU burst', 'cpu.cfs_burst_us', resources.cpuBurstUs, '0', 'cpu.cfs_quota_us'],
    ['CPU shares', 'cpu.shares', resources.cpuShares, '1024'],
    ['a real-time period', 'cpu.rt_period_us', resources.cpuRealtimePeriodUs, '1000000'],
    [
      'real-time scheduling',
      'cpu.rt_runtime_us',
      resources.cpuRealtimeRuntimeUs,
      '0',
      'cpu.rt_period_us',
    ],
  ];
  return table.flatMap(([limit, file, value, reset, within]) =>
    value === undefined
      ? []
      : plainSetting('cpu', limit, { file, value, reset, ...(within ? { within } : {}) }),
  );
}

function cpuset({ resources }: SettingContext): Setting[] {
  const settings: Setting[] = [];
  if (resources.cpusetCpus !== undefined) {
    settings.push(
      plainSetting('cpuset', 'a set of CPUs', {
        file: 'cpuset.cpus',
        value: resources.cpusetCpus,
        reset: null,
      }),
    );
  }
  if (resources.cpusetMems !== undefined) {
    settings.push(
      plainSetting('cpuset', 'a set of memory nodes', {
        file: 'cpuset.mems',
        value: resources.cpusetMems,
        reset: null,
      }),
    );
  }
  return settings;
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

/** The scheduler that shares block devices by weight decides the files' names. */
function weightPrefix({ has }: SettingContext): string {
  const prefix = ['blkio.bfq', 'blkio'].find((candidate) => has(`${candidate}.weight`));
  if (prefix === undefined) {
    throw unsupportedLimit('an I/O weight', 'this kernel has no I/O scheduler with weights');
  }
  return prefix;
}

function ioWeights(context: SettingContext): Setting[] {
  const { blkioWeight, blkioWeightDevice = [] } = context.resources;
  if (blkioWeight === undefined && blkioWeightDevice.length === 0) return [];
  const prefix = weightPrefix(context);
  const limit = 'an I/O weight';
  const settings = blkioWeightDevice.map(({ device, weight }): Setting => {
    const key = context.deviceNumber(device);
    return {
      controller: 'io',
      file: `${prefix}.weight_device`,
      key,
      value: `${key} ${weight}`,
      reset: `${key} default`,
      limit,
    };
  });
  if (blkioWeight !== undefined) {
    settings.unshift(
      plainSetting('io', limit, { file: `${prefix}.weight`, value: blkioWeight, reset: null }),
    );
  }
  return settings;
}

function io(context: SettingContext): Setting[] {
  const throttles = deviceRates(context.resources).flatMap(({ rates = [], file, limit }) =>
    rates.map(({ device, rate }): Setting => {
      const key = context.deviceNumber(device);
      return { controller: 'io', file, key, value: `${key} ${rate}`, reset: `${key} 0`, limit };
    }),
  );
  return [...ioWeights(context), ...throttles];
}

/** Resources as settings of cgroup v1 (Documentation/admin-guide/cgroup-v1). */
export const settingsV1: Readonly<Record<LimitController, SettingsOf>> = {
  memory,
  cpu,
  cpuset,
  pids,
  io,
  hugetlb: (context) => hugepages(context, 'limit_in_bytes', '-1'),
};

import type { DeviceRate, DeviceWeight, HugepageLimit } from '../../model/resources.js';
import {
  parseDeviceBytes,
  parseDeviceOperations,
  parseDeviceWeight,
  parseHugepageLimit,
} from '../parse/device.js';
import { integer, parseCpus, parseNumberList } from '../parse/value/number.js';
import { parseSize, parseSizeOrUnlimited } from '../parse/value/size.js';
import { flag, list, value, type OptionTable, type TableFor } from '../program/option.js';

/** Limits: of `run` and `create`, and of `update` while a container runs. */
export interface ResourceFlags {
  readonly memory: number | undefined;
  readonly memoryReservation: number | undefined;
  readonly memorySwap: number | undefined;
  readonly memorySwappiness: number | undefined;
  readonly memoryHigh: number | undefined;
  readonly memoryMin: number | undefined;
  readonly oomKillDisable: boolean;
  readonly oomGroup: boolean;
  readonly pidsLimit: number | undefined;
  readonly cpus: number | undefined;
  readonly cpuPeriod: number | undefined;
  readonly cpuQuota: number | undefined;
  readonly cpuBurst: number | undefined;
  readonly cpuShares: number | undefined;
  readonly cpuRtPeriod: number | undefined;
  readonly cpuRtRuntime: number | undefined;
  readonly cpusetCpus: string | undefined;
  readonly cpusetMems: string | undefined;
  readonly blkioWeight: number | undefined;
  readonly blkioWeightDevice: readonly DeviceWeight[];
  readonly deviceReadBps: readonly DeviceRate[];
  readonly deviceWriteBps: readonly DeviceRate[];
  readonly deviceReadIops: readonly DeviceRate[];
  readonly deviceWriteIops: readonly DeviceRate[];
  readonly hugetlb: readonly HugepageLimit[];
}

const group = 'Limits';

const memory = {
  memory: value('-m, --memory <size>', 'Memory limit', { group, parse: parseSizeOrUnlimited }),
  memoryReservation: value(
    '--memory-reservation <size>',
    'Memory that is left alone when memory is short',
    { group, parse: parseSizeOrUnlimited },
  ),
  memorySwap: value(
    '--memory-swap <size>',
    'Memory and swap together; -1: unlimited swap (default: twice the memory)',
    {
      group,
      parse: parseSizeOrUnlimited,
    },
  ),
  memorySwappiness: value(
    '--memory-swappiness <number>',
    'How readily memory is swapped, 0 to 100 (cgroup v1)',
    { group, parse: integer({ min: 0, max: 100 }) },
  ),
  memoryHigh: value(
    '--memory-high <size>',
    'Memory above which the container is slowed down (cgroup v2)',
    { group, parse: parseSizeOrUnlimited },
  ),
  memoryMin: value('--memory-min <size>', 'Memory that is never taken away (cgroup v2)', {
    group,
    parse: parseSize,
  }),
  oomKillDisable: flag(
    '--oom-kill-disable',
    'Let processes wait instead of killing one (cgroup v1)',
    { group },
  ),
  oomGroup: flag('--oom-group', 'Kill the whole container when it is out of memory (cgroup v2)', {
    group,
  }),
};

const cpu = {
  pidsLimit: value('--pids-limit <number>', 'Most processes and threads; -1: unlimited', {
    group,
    parse: integer({ min: -1, example: '100' }),
  }),
  cpus: value('--cpus <number>', 'CPU time, as a number of CPUs: 0.5 is half of one', {
    group,
    parse: parseCpus,
  }),
  cpuPeriod: value('--cpu-period <us>', 'Length of a CPU period in microseconds', {
    group,
    parse: integer({ min: 0, max: 1_000_000, example: '100000' }),
  }),
  cpuQuota: value('--cpu-quota <us>', 'CPU time in each period in microseconds; -1: unlimited', {
    group,
    parse: integer({ min: -1, example: '50000' }),
  }),
  cpuBurst: value('--cpu-burst <us>', 'Unused CPU time that may be saved up, in microseconds', {
    group,
    parse: integer({ min: 0, example: '20000' }),
  }),
  cpuShares: value('-c, --cpu-shares <number>', 'CPU weight, 2 to 262144', {
    group,
    parse: integer({ min: 0, max: 262_144, example: '512' }),
  }),
  cpuRtPeriod: value(
    '--cpu-rt-period <us>',
    'Length of a real-time period in microseconds (cgroup v1)',
    { group, parse: integer({ min: 0, example: '1000000' }) },
  ),
  cpuRtRuntime: value(
    '--cpu-rt-runtime <us>',
    'Real-time in each period in microseconds (cgroup v1)',
    { group, parse: integer({ min: -1, example: '950000' }) },
  ),
  cpusetCpus: value('--cpuset-cpus <list>', 'CPUs to run on: 0-3,5', {
    group,
    parse: parseNumberList,
  }),
  cpusetMems: value('--cpuset-mems <list>', 'Memory nodes to use: 0,1', {
    group,
    parse: parseNumberList,
  }),
};

const io = {
  blkioWeight: value('--blkio-weight <number>', 'Weight of block I/O, 10 to 1000; 0: none', {
    group,
    parse: integer({ min: 0, max: 1000, example: '300' }),
  }),
  blkioWeightDevice: list('--blkio-weight-device <device:weight>', 'Weight for one device', {
    group,
    parse: parseDeviceWeight,
  }),
  deviceReadBps: list('--device-read-bps <device:size>', 'Bytes read from a device per second', {
    group,
    parse: parseDeviceBytes,
  }),
  deviceWriteBps: list('--device-write-bps <device:size>', 'Bytes written to a device per second', {
    group,
    parse: parseDeviceBytes,
  }),
  deviceReadIops: list('--device-read-iops <device:number>', 'Reads from a device per second', {
    group,
    parse: parseDeviceOperations,
  }),
  deviceWriteIops: list('--device-write-iops <device:number>', 'Writes to a device per second', {
    group,
    parse: parseDeviceOperations,
  }),
  hugetlb: list('--hugetlb <page:size>', 'Memory in huge pages of a size: 2MB:64m', {
    group,
    parse: parseHugepageLimit,
  }),
};

export const resourceOptions: TableFor<ResourceFlags> & OptionTable = { ...memory, ...cpu, ...io };

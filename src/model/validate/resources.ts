import { minimumMemoryBytes } from '../defaults.js';
import type { Resources } from '../resources.js';
import { type Check, type NumberRange, refuse, requireInteger } from './check.js';

type NumberField = {
  [K in keyof Resources]-?: Required<Resources>[K] extends number ? K : never;
}[keyof Resources];

const none = -1;

const ranges: Readonly<Partial<Record<NumberField, NumberRange>>> = {
  memoryBytes: { minimum: minimumMemoryBytes, or: none },
  memoryReservationBytes: { minimum: 4096, or: none },
  memorySwapBytes: { minimum: minimumMemoryBytes, or: none },
  memorySwappiness: { minimum: 0, maximum: 100, or: none },
  memoryHighBytes: { minimum: 4096, or: none },
  memoryMinBytes: { minimum: 0, or: none },
  pidsLimit: { minimum: 1, or: none },
  cpuPeriodUs: { minimum: 1000, maximum: 1_000_000 },
  cpuQuotaUs: { minimum: 1000, or: none },
  cpuBurstUs: { minimum: 0 },
  cpuShares: { minimum: 2, maximum: 262_144, or: 0 },
  cpuRealtimePeriodUs: { minimum: 0 },
  cpuRealtimeRuntimeUs: { minimum: 0, or: none },
  blkioWeight: { minimum: 10, maximum: 1000, or: 0 },
};

const setPattern = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;

function checkNumbers(resources: Resources): void {
  for (const [field, range] of Object.entries(ranges) as [NumberField, NumberRange][]) {
    requireInteger(`resources.${field}`, resources[field], range);
  }
  const { cpus } = resources;
  if (cpus !== undefined && cpus !== none && !(cpus >= 0.01 && Number.isFinite(cpus))) {
    refuse('resources.cpus', `must be at least 0.01, not ${cpus}`);
  }
}

function checkMemory(resources: Resources): void {
  const { memoryBytes = none, memorySwapBytes = none, memoryReservationBytes = none } = resources;
  if (memorySwapBytes !== none && memoryBytes === none) {
    refuse('resources.memorySwapBytes', 'needs a memory limit', 'Set memoryBytes (--memory) too');
  }
  if (memorySwapBytes !== none && memorySwapBytes < memoryBytes) {
    refuse(
      'resources.memorySwapBytes',
      'is memory plus swap and must not be below the memory limit',
    );
  }
  if (memoryBytes !== none && memoryReservationBytes > memoryBytes) {
    refuse('resources.memoryReservationBytes', 'must not be above the memory limit');
  }
}

function checkCpu(resources: Resources): void {
  const { cpus = none, cpuQuotaUs, cpuPeriodUs } = resources;
  if (cpus !== none && (cpuQuotaUs !== undefined || cpuPeriodUs !== undefined)) {
    refuse('resources.cpus', 'conflicts with cpuQuotaUs and cpuPeriodUs');
  }
  for (const field of ['cpusetCpus', 'cpusetMems'] as const) {
    const set = resources[field];
    if (set !== undefined && set !== '' && !setPattern.test(set)) {
      refuse(`resources.${field}`, `"${set}" is not a list such as 0-3,5`);
    }
  }
}

function checkDevices(resources: Resources): void {
  const fields = ['blkioReadBps', 'blkioWriteBps', 'blkioReadIops', 'blkioWriteIops'] as const;
  for (const field of fields) {
    for (const { rate } of resources[field] ?? []) {
      requireInteger(`resources.${field}`, rate, { minimum: 1, or: none });
    }
  }
  for (const { weight } of resources.blkioWeightDevice ?? []) {
    requireInteger('resources.blkioWeightDevice', weight, { minimum: 10, maximum: 1000, or: 0 });
  }
  for (const { pageSize, limitBytes } of resources.hugepages ?? []) {
    if (!/^\d+[KMG]B$/.test(pageSize))
      refuse('resources.hugepages', `"${pageSize}" is no page size`);
    requireInteger('resources.hugepages', limitBytes, { minimum: 0, or: none });
  }
}

/**
 * The rules that need no kernel; what a kernel lacks is refused by the cgroup driver. For updates, of the merged resources.
 * @throws WarrenError invalidArgument
 */
export function validateResources(resources: Resources): void {
  checkNumbers(resources);
  checkMemory(resources);
  checkCpu(resources);
  checkDevices(resources);
}

const ulimitsAreWellFormed: Check = ({ ulimits }) => {
  for (const { name, soft, hard } of ulimits) {
    if (!/^[a-z]+$/.test(name)) refuse('ulimits', `"${name}" is no limit's name`);
    requireInteger(`ulimits.${name}`, soft, { minimum: 0, or: none });
    requireInteger(`ulimits.${name}`, hard, { minimum: 0, or: none });
    if (hard !== none && (soft === none || soft > hard)) {
      refuse(`ulimits.${name}`, `the soft limit ${soft} is above the hard limit ${hard}`);
    }
  }
};

export const resourceChecks: readonly Check[] = [
  ({ resources }) => {
    validateResources(resources);
  },
  ulimitsAreWellFormed,
];

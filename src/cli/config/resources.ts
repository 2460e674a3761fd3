import type { Resources } from '../../model/resources.js';
import type { ResourceFlags } from '../options/resources.js';
import { usageError } from '../program/usage-error.js';
import { defined } from './defined.js';

function some<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}

function refuseContradictions(flags: ResourceFlags): void {
  if (flags.cpus !== undefined && (flags.cpuPeriod !== undefined || flags.cpuQuota !== undefined)) {
    throw usageError(
      'Flags exclude each other: --cpus and --cpu-period or --cpu-quota',
      'Give either --cpus, or period and quota',
    );
  }
}

/** The limits that were given, and no others. */
export function resourcesOf(flags: ResourceFlags): Resources {
  refuseContradictions(flags);
  return defined({
    memoryBytes: flags.memory,
    memoryReservationBytes: flags.memoryReservation,
    memorySwapBytes: flags.memorySwap,
    memorySwappiness: flags.memorySwappiness,
    memoryHighBytes: flags.memoryHigh,
    memoryMinBytes: flags.memoryMin,
    oomKillDisable: flags.oomKillDisable ? true : undefined,
    oomGroup: flags.oomGroup ? true : undefined,
    pidsLimit: flags.pidsLimit,
    cpus: flags.cpus,
    cpuPeriodUs: flags.cpuPeriod,
    cpuQuotaUs: flags.cpuQuota,
    cpuBurstUs: flags.cpuBurst,
    cpuShares: flags.cpuShares,
    cpuRealtimePeriodUs: flags.cpuRtPeriod,
    cpuRealtimeRuntimeUs: flags.cpuRtRuntime,
    cpusetCpus: flags.cpusetCpus,
    cpusetMems: flags.cpusetMems,
    blkioWeight: flags.blkioWeight,
    blkioWeightDevice: some(flags.blkioWeightDevice),
    blkioReadBps: some(flags.deviceReadBps),
    blkioWriteBps: some(flags.deviceWriteBps),
    blkioReadIops: some(flags.deviceReadIops),
    blkioWriteIops: some(flags.deviceWriteIops),
    hugepages: some(flags.hugetlb),
  });
}

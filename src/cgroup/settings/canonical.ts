import { WarrenError } from '../../base/errors.js';
import type { Resources } from '../../model/resources.js';

const defaultPeriodUs = 100_000;
/** Smallest quota that the kernel takes. */
const minimumQuotaUs = 1000;

function impossible(message: string): WarrenError {
  return new WarrenError('invalidArgument', 'INVALID_RESOURCES', `Cannot set limits: ${message}`);
}

type Check = (resources: Resources) => string | undefined;

const checks: readonly Check[] = [
  ({ memorySwapBytes, memoryBytes }) =>
    memorySwapBytes !== undefined && memoryBytes === undefined
      ? 'memory plus swap can only be limited together with memory'
      : undefined,
  ({ memorySwapBytes, memoryBytes }) =>
    memorySwapBytes !== undefined && memorySwapBytes !== -1 && memorySwapBytes < (memoryBytes ?? 0)
      ? `memory plus swap (${memorySwapBytes}) is less than memory (${memoryBytes ?? 0})`
      : undefined,
  ({ memoryReservationBytes = 0, memoryBytes = Infinity }) =>
    memoryReservationBytes > memoryBytes
      ? `the memory reservation (${memoryReservationBytes}) is more than memory (${memoryBytes})`
      : undefined,
  ({ cpuBurstUs = 0, cpuQuotaUs }) =>
    cpuBurstUs > 0 && cpuQuotaUs === undefined ? 'a CPU burst needs a CPU quota' : undefined,
  ({ cpuBurstUs = 0, cpuQuotaUs = Infinity }) =>
    cpuBurstUs > cpuQuotaUs
      ? `the CPU burst (${cpuBurstUs} µs) is more than the quota (${cpuQuotaUs} µs)`
      : undefined,
  ({ cpuQuotaUs = Infinity }) =>
    cpuQuotaUs < minimumQuotaUs
      ? `a CPU quota of ${cpuQuotaUs} µs is less than ${minimumQuotaUs} µs`
      : undefined,
];

function isNoLimit(value: unknown): boolean {
  if (value === undefined || value === false || value === -1 || value === '') return true;
  return Array.isArray(value) && value.length === 0;
}

/** For these fields 0 means "no limit of its own"; for the others it is a limit of nothing. */
const zeroIsNoLimit: ReadonlySet<string> = new Set<keyof Resources>([
  'memoryBytes',
  'memoryReservationBytes',
  'memorySwapBytes',
  'memoryHighBytes',
  'memoryMinBytes',
  'pidsLimit',
  'cpus',
  'cpuPeriodUs',
  'cpuQuotaUs',
  'cpuBurstUs',
  'cpuShares',
  'cpuRealtimePeriodUs',
  'cpuRealtimeRuntimeUs',
  'blkioWeight',
]);

const known = new WeakMap<Resources, Resources>();

/**
 * Only the fields that limit something remain: -1, and 0 where it means the same, are left out, but for unlimited swap beside
 * limited memory; `cpus` becomes a quota of a period; the same object for the same object. Throws invalidArgument for combinations that no kernel can hold.
 */
export function canonicalResources(resources: Resources): Resources {
  const before = known.get(resources);
  if (before !== undefined) return before;
  const canonical = canonicalized(resources);
  known.set(resources, canonical);
  return canonical;
}

function canonicalized(resources: Resources): Resources {
  const entries = Object.entries(resources).filter(
    ([field, value]) => !isNoLimit(value) && !(value === 0 && zeroIsNoLimit.has(field)),
  );
  const { cpus, ...limits } = Object.fromEntries(entries) as Resources;
  const unlimitedSwap = resources.memorySwapBytes === -1 && limits.memoryBytes !== undefined;
  const canonical: Resources = unlimitedSwap ? { ...limits, memorySwapBytes: -1 } : limits;
  if (cpus !== undefined && canonical.cpuQuotaUs !== undefined) {
    throw impossible('a number of CPUs and a CPU quota exclude each other');
  }
  const period = canonical.cpuPeriodUs ?? defaultPeriodUs;
  const result: Resources =
    cpus === undefined
      ? canonical
      : { ...canonical, cpuPeriodUs: period, cpuQuotaUs: Math.round(cpus * period) };
  for (const check of checks) {
    const reason = check(result);
    if (reason !== undefined) throw impossible(reason);
  }
  return result;
}

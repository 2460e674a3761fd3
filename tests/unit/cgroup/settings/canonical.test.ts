import { expect, test } from 'vitest';
import { canonicalResources } from '../../../../src/cgroup/settings/canonical.js';

test('a number of CPUs becomes a quota of the period', () => {
  expect(canonicalResources({ cpus: 1.5 })).toEqual({ cpuQuotaUs: 150_000, cpuPeriodUs: 100_000 });
  expect(canonicalResources({ cpus: 0.5, cpuPeriodUs: 20_000 })).toEqual({
    cpuQuotaUs: 10_000,
    cpuPeriodUs: 20_000,
  });
});

test('what means "no limit" is left out, and a limit of nothing stays', () => {
  expect(
    canonicalResources({
      memoryBytes: -1,
      pidsLimit: 0,
      cpuShares: 0,
      oomGroup: false,
      cpusetCpus: '',
    }),
  ).toEqual({});
  expect(canonicalResources({ memorySwappiness: 0 })).toEqual({ memorySwappiness: 0 });
});

test.each([
  [{ cpus: 1, cpuQuotaUs: 1000 }, /exclude each other/],
  [{ memorySwapBytes: 1024 }, /only be limited together with memory/],
  [{ memoryBytes: 2048, memorySwapBytes: 1024 }, /is less than memory/],
  [{ memoryBytes: 1024, memoryReservationBytes: 2048 }, /is more than memory/],
  [{ cpuBurstUs: 10 }, /needs a CPU quota/],
  [{ cpuQuotaUs: 2000, cpuBurstUs: 3000 }, /is more than the quota/],
  [{ cpus: 0.001 }, /less than 1000 µs/],
])('%o is refused', (resources, message) => {
  expect(() => canonicalResources(resources)).toThrow(message);
});

import { expect, test } from 'vitest';
import { settingsV2, weightOfShares } from '../../../../src/cgroup/settings/v2.js';
import type { Resources } from '../../../../src/model/resources.js';
import type { LimitController } from '../../../../src/cgroup/controllers.js';

function values(controller: LimitController, resources: Resources, missing?: string): string[] {
  const context = {
    resources,
    has: (file: string) => file !== missing,
    deviceNumber: (device: string) => (device === '/dev/sda' ? '8:0' : device),
  };
  return settingsV2[controller](context).map(({ file, value }) => `${file}=${value}`);
}

test('shares of v1 keep their ends and their default as weights', () => {
  expect([2, 1024, 262144].map(weightOfShares)).toEqual([1, 100, 10000]);
  expect(weightOfShares(2048)).toBeGreaterThan(150);
});

test('the swap limit is what remains of memory plus swap', () => {
  expect(values('memory', { memoryBytes: 100, memorySwapBytes: 150 })).toEqual([
    'memory.max=100',
    'memory.swap.max=50',
  ]);
});

test('limited memory may swap as much again, unless swap is unlimited or not counted', () => {
  expect(values('memory', { memoryBytes: 100 })).toEqual(['memory.max=100', 'memory.swap.max=100']);
  expect(values('memory', { memoryBytes: 100, memorySwapBytes: -1 })).toEqual(['memory.max=100']);
  expect(values('memory', { memoryBytes: 100 }, 'memory.swap.max')).toEqual(['memory.max=100']);
});

test('quota and period are one value', () => {
  expect(values('cpu', { cpuQuotaUs: 20_000, cpuPeriodUs: 50_000 })).toEqual([
    'cpu.max=20000 50000',
  ]);
});

test('all rates of a device are one line, and rates by path and by number are the same device', () => {
  expect(
    values('io', {
      blkioReadBps: [{ device: '/dev/sda', rate: 10 }],
      blkioWriteIops: [{ device: '8:0', rate: 20 }],
    }),
  ).toEqual(['io.max=8:0 rbps=10 wbps=max riops=max wiops=20']);
});

test('weights go to BFQ where it is, and to io.weight on its own scale otherwise', () => {
  expect(values('io', { blkioWeight: 1000 })).toEqual(['io.bfq.weight=default 1000']);
  expect(values('io', { blkioWeight: 1000 }, 'io.bfq.weight')).toEqual(['io.weight=default 10000']);
});

import { expect, test } from 'vitest';
import { createCgroupDriver } from '../../../src/cgroup/create-driver.js';
import type { Resources } from '../../../src/model/resources.js';
import { hybridHierarchies, memoryFiles, type RecordingFiles } from './memory-files.js';

interface Update {
  readonly from: Resources;
  readonly to: Resources;
  readonly failOn?: (line: string) => string | undefined;
}

/** Writes of an update of a running container that has a group for each controller. */
function updated({ from, to, failOn }: Update): { files: RecordingFiles; error: unknown } {
  const files = memoryFiles(hybridHierarchies, failOn);
  for (const { index } of hybridHierarchies) files.make({ hierarchy: index, path: 'warren/a' });
  const driver = createCgroupDriver(files, { deviceNumber: (device) => device });
  try {
    driver.update({ path: 'warren/a', resources: to, devices: null, owner: null }, from);
  } catch (error) {
    return { files, error };
  }
  return { files, error: undefined };
}

const written = (update: Update): string[] =>
  updated(update).files.written.map((line) => line.replace(/^[0-9]:warren\/a\//, ''));

const small = { memoryBytes: 1 << 20, memorySwapBytes: 2 << 20 };
const large = { memoryBytes: 4 << 20, memorySwapBytes: 8 << 20 };

test('growing memory raises the limit with swap first', () => {
  expect(written({ from: small, to: large })).toEqual([
    `memory.memsw.limit_in_bytes=${8 << 20}`,
    `memory.limit_in_bytes=${4 << 20}`,
  ]);
});

test('shrinking memory lowers the limit without swap first', () => {
  expect(written({ from: large, to: small })).toEqual([
    `memory.limit_in_bytes=${1 << 20}`,
    `memory.memsw.limit_in_bytes=${2 << 20}`,
  ]);
});

test('removing both lifts the limit with swap first', () => {
  expect(written({ from: small, to: { memoryBytes: -1 } })).toEqual([
    'memory.memsw.limit_in_bytes=-1',
    'memory.limit_in_bytes=-1',
  ]);
});

test('swap that is asked for without a limit is not limited', () => {
  expect(written({ from: small, to: { ...small, memorySwapBytes: -1 } })).toEqual([
    'memory.memsw.limit_in_bytes=-1',
  ]);
});

test('a quota that falls below the burst lowers the burst first', () => {
  const from = { cpuQuotaUs: 50_000, cpuBurstUs: 40_000 };
  expect(written({ from, to: { cpuQuotaUs: 20_000, cpuBurstUs: 10_000 } })).toEqual([
    'cpu.cfs_burst_us=10000',
    'cpu.cfs_quota_us=20000',
  ]);
});

test('what does not change is not written', () => {
  const from = { ...small, pidsLimit: 5 };
  expect(written({ from, to: { ...small, pidsLimit: 6 } })).toEqual(['pids.max=6']);
});

test('a device rate that is no longer wanted is taken back', () => {
  const from = { blkioReadBps: [{ device: '8:0', rate: 100 }] };
  expect(written({ from, to: { blkioReadBps: [{ device: '8:16', rate: 50 }] } })).toEqual([
    'blkio.throttle.read_bps_device=8:0 0',
    'blkio.throttle.read_bps_device=8:16 50',
  ]);
});

test('a write that fails puts back what was written before and says what was attempted', () => {
  const { files, error } = updated({
    from: { memoryBytes: 1 << 20, pidsLimit: 5 },
    to: { memoryBytes: 2 << 20, pidsLimit: 6 },
    failOn: (line) => (line.endsWith('pids.max=6') ? 'EINVAL' : undefined),
  });
  // Twice the memory is the limit with swap.
  expect(files.written.map((line) => line.split('/').at(-1))).toEqual([
    `memory.memsw.limit_in_bytes=${4 << 20}`,
    `memory.limit_in_bytes=${2 << 20}`,
    `memory.limit_in_bytes=${1 << 20}`,
    `memory.memsw.limit_in_bytes=${2 << 20}`,
  ]);
  expect(error).toMatchObject({
    kind: 'invalidArgument',
    message: 'Cannot set a limit of processes of warren/a to 6: the kernel refuses the value',
  });
});

test('a limit below what is in use is a conflict', () => {
  const { error } = updated({
    from: large,
    to: small,
    failOn: (line) => (line.includes('memory.limit_in_bytes=') ? 'EBUSY' : undefined),
  });
  expect(error).toMatchObject({ kind: 'conflict', code: 'LIMIT_BELOW_USAGE' });
});

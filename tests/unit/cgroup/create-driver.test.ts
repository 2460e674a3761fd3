import { describe, expect, test } from 'vitest';
import { createCgroupDriver } from '../../../src/cgroup/create-driver.js';
import type { CgroupDriver, CgroupGroup } from '../../../src/cgroup/driver.js';
import type { CgroupFiles } from '../../../src/host/port.js';
import type { Resources } from '../../../src/model/resources.js';
import { hybridHierarchies, memoryFiles, v2Hierarchies } from './memory-files.js';

function driverOf(files: CgroupFiles): CgroupDriver {
  return createCgroupDriver(files, { deviceNumber: (device) => device });
}

function setupOf(files: CgroupFiles, path: string, resources: Resources) {
  return driverOf(files).setup({ path, resources, devices: null, owner: null });
}

const names = (groups: readonly CgroupGroup[]): string[] =>
  groups.map(({ hierarchy, path }) => `${hierarchy}:${path}`);

describe('on a hybrid host', () => {
  test('a container joins the unified group and only the hierarchies that its limits need', () => {
    const setup = setupOf(memoryFiles(hybridHierarchies), 'warren/a', { pidsLimit: 5 });
    expect(names(setup.make)).toEqual(['0:warren/a', '3:warren/a']);
    expect(setup.writes).toEqual([
      { hierarchy: 3, path: 'warren/a', file: 'pids.max', value: '5' },
    ]);
  });

  test('without limits of its own it shares the memory and CPU groups of its parent', () => {
    const setup = setupOf(memoryFiles(hybridHierarchies), 'warren/a', {});
    expect(names(setup.join)).toEqual(['0:warren/a', '2:warren', '1:warren']);
  });

  test('under another parent than the keeper it shares every hierarchy of that parent', () => {
    const setup = setupOf(memoryFiles(hybridHierarchies), 'batch/a', {});
    expect(names(setup.join).sort()).toEqual([
      '0:batch/a',
      '1:batch',
      '2:batch',
      '3:batch',
      '4:batch',
      '5:batch',
    ]);
  });

  test('the cleanup covers the hierarchies that a live update may add', () => {
    const setup = setupOf(memoryFiles(hybridHierarchies), 'warren/a', {});
    expect(names(setup.remove)).toEqual(
      expect.arrayContaining(['0:warren/a', '1:warren/a', '2:warren/a', '3:warren/a']),
    );
  });

  test('what a new group has anyway is not written', () => {
    const limits = { cpuPeriodUs: 100_000, cpuQuotaUs: 5000, pidsLimit: -1 };
    const setup = setupOf(memoryFiles(hybridHierarchies), 'warren/a', limits);
    expect(setup.writes.map(({ file, value }) => `${file} ${value}`)).toEqual([
      'cpu.cfs_quota_us 5000',
    ]);
  });

  test('a cpuset is filled with what the parent has before anything enters it', () => {
    const files = memoryFiles(hybridHierarchies);
    files.write({ hierarchy: 4, path: '' }, 'cpuset.cpus', '0-3');
    files.write({ hierarchy: 4, path: '' }, 'cpuset.mems', '0');
    const setup = setupOf(files, 'warren/a', { cpusetCpus: '1' });
    expect(files.written).toContain('4:warren/cpuset.cpus=0-3');
    expect(setup.writes).toEqual([
      { hierarchy: 4, path: 'warren/a', file: 'cpuset.mems', value: '0' },
      { hierarchy: 4, path: 'warren/a', file: 'cpuset.cpus', value: '1' },
    ]);
  });

  test('a limit whose controller is in the unified hierarchy is set there', () => {
    const files = memoryFiles(hybridHierarchies);
    const hugepages = [{ pageSize: '2MB', limitBytes: 4096 }];
    const setup = setupOf(files, 'warren/a', { hugepages });
    expect(files.written).toEqual([
      '0:/cgroup.subtree_control=+hugetlb',
      '0:warren/cgroup.subtree_control=+hugetlb',
    ]);
    expect(setup.writes).toEqual([
      { hierarchy: 0, path: 'warren/a', file: 'hugetlb.2MB.max', value: '4096' },
    ]);
  });

  test('devices are filtered by the devices hierarchy', () => {
    const devices = [{ allow: true, type: 'c', major: 1, minor: 3, permissions: 'rw' }] as const;
    const files = memoryFiles(hybridHierarchies);
    const request = { path: 'warren/a', resources: {}, devices, owner: null };
    const setup = driverOf(files).setup(request);
    expect(setup.deviceProgram).toBeNull();
    expect(setup.writes.map(({ file, value }) => `${file} ${value}`)).toEqual([
      'devices.deny a',
      'devices.allow c 1:3 rw',
    ]);
    expect(names(setup.join)).toContain('6:warren/a');
  });
});

describe('on a v2 host', () => {
  test('containers with and without memory accounting live in different subtrees', () => {
    const driver = driverOf(memoryFiles(v2Hierarchies));
    expect(driver.place('warren', 'a', { memoryBytes: 1 << 20 })).toBe('warren/limited/a');
    expect(driver.place('warren', 'a', { pidsLimit: 5 })).toMatch(/^warren\/shared\/[0-3].\/a$/);
    expect(driver.place('warren', 'a', { memoryBytes: -1 })).toMatch(/^warren\/shared\//);
    const rates = [{ device: '8:0', rate: 1 }];
    expect(driver.place('warren', 'a', { blkioReadBps: rates })).toBe('warren/limited/a');
  });

  test('controllers are enabled from the root down, once, and only those that are needed', () => {
    const files = memoryFiles(v2Hierarchies);
    const resources = { memoryBytes: 1 << 20, pidsLimit: 5 };
    setupOf(files, 'warren/limited/a', resources);
    const enabled = [
      '0:/cgroup.subtree_control=+memory +pids',
      '0:warren/cgroup.subtree_control=+memory +pids',
      '0:warren/limited/cgroup.subtree_control=+memory +pids',
    ];
    expect(files.written).toEqual(enabled);
    setupOf(files, 'warren/limited/b', resources);
    expect(files.written).toEqual(enabled);
  });

  test('above a scope of systemd nothing is written: what it does not hand down is refused with what to do', () => {
    const files = memoryFiles(v2Hierarchies);
    files.make({ hierarchy: 0, path: 'machine.slice/warren.scope' });
    for (const path of ['', 'machine.slice']) {
      files.write({ hierarchy: 0, path }, 'cgroup.subtree_control', '+memory +pids');
    }
    files.written.length = 0;
    const path = 'machine.slice/warren.scope/limited/a';
    setupOf(files, path, { memoryBytes: 1 << 20, pidsLimit: 5 });
    expect(files.written).toEqual([
      '0:machine.slice/warren.scope/cgroup.subtree_control=+memory +pids',
      '0:machine.slice/warren.scope/limited/cgroup.subtree_control=+memory +pids',
    ]);
    files.written.length = 0;
    const hugepages = [{ pageSize: '2MB', limitBytes: 4096 }];
    const refused = expect.objectContaining({
      kind: 'unsupported',
      message:
        'Cannot set limits of hugetlb: systemd does not hand hugetlb down to machine.slice/warren.scope',
      hint: expect.stringContaining(
        'in /sys/fs/cgroup/unified /sys/fs/cgroup/unified/machine.slice; do echo +hugetlb',
      ) as string,
    }) as Error;
    expect(() => setupOf(files, path, { memoryBytes: 1 << 20, hugepages })).toThrow(refused);
    expect(files.written).toEqual([]);
  });

  test('a parent in which processes live is refused with what to do', () => {
    const files = memoryFiles(v2Hierarchies, (line) =>
      line.startsWith('0:busy/cgroup.subtree_control') ? 'EBUSY' : undefined,
    );
    expect(() => setupOf(files, 'busy/a', { pidsLimit: 5 })).toThrow(
      'Cannot enable the controllers pids in busy: processes live in it',
    );
  });

  test('devices are filtered by a program on the unified group', () => {
    const request = { path: 'warren/shared/00/a', resources: {}, devices: [], owner: null };
    const { deviceProgram } = driverOf(memoryFiles(v2Hierarchies)).setup(request);
    expect(deviceProgram?.group).toEqual({ hierarchy: 0, path: 'warren/shared/00/a' });
    expect(deviceProgram?.program.length).toBeGreaterThan(0);
  });

  test('containers are found in both subtrees, the keeper and the subtrees themselves are not', () => {
    const files = memoryFiles(v2Hierarchies);
    for (const path of ['warren/keeper', 'warren/limited/a', 'warren/shared/3f/b']) {
      files.make({ hierarchy: 0, path });
    }
    expect(names(driverOf(files).found('warren'))).toEqual([
      '0:warren/limited/a',
      '0:warren/shared/3f/b',
    ]);
  });
});

test('a legacy host without the unified hierarchy is told to mount it', () => {
  const files = memoryFiles([
    { index: 0, name: 'unified', mountPoint: '', controllers: [] },
    ...hybridHierarchies.slice(1),
  ]);
  expect(driverOf(files).version).toBe('v1');
  expect(() => setupOf(files, 'warren/a', {})).toThrow(
    expect.objectContaining({
      kind: 'unsupported',
      hint: expect.stringContaining('cgroup2') as string,
    }) as Error,
  );
});

test('a limit whose controller is nowhere is refused by name', () => {
  const files = memoryFiles(v2Hierarchies.map((entry) => ({ ...entry, controllers: ['cpu'] })));
  expect(() => setupOf(files, 'warren/a', { pidsLimit: 5 })).toThrow(
    'Cannot set a limit of processes: this host has no pids controller',
  );
});

test('a group that is handed to its container stays bounded, and its limits stay root’s', () => {
  const owner = { uid: 1_000_000, gid: 1_000_000 };
  const request = { path: 'warren/a', resources: { pidsLimit: 5 }, devices: null, owner };
  const setup = driverOf(memoryFiles(v2Hierarchies)).setup(request);
  const group = { hierarchy: 0, path: 'warren/a' };
  expect(setup.owner).toEqual({ group, ...owner });
  expect(setup.writes).toEqual([
    { ...group, file: 'pids.max', value: '5' },
    { ...group, file: 'cgroup.max.depth', value: '32' },
    { ...group, file: 'cgroup.max.descendants', value: '4096' },
  ]);
});

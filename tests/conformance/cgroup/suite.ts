import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isWarrenError } from '../../../src/base/errors.js';
import type { CgroupDriver, CgroupGroup, CgroupSetup } from '../../../src/cgroup/driver.js';
import type { CgroupFiles } from '../../../src/host/port.js';
import type { DeviceRule, Resources } from '../../../src/model/resources.js';
import { newScope, removeScope, type TestScope } from '../../scope.js';
import { groupDirectory, makeGroups, runMember, startMember, type Member } from './member.js';

export interface DriverUnderTest {
  readonly driver: CgroupDriver;
  readonly files: CgroupFiles;
}

const mebibyte = 1024 * 1024;
const id = 'c0ffee';

/** What the kernel says about a process: hierarchy (controllers, '' for unified) to path. */
function membership(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => line.split(':').slice(1) as [string, string]));
}

/** A block device that exists here, as `major:minor`. */
function someBlockDevice(): string {
  const { rdev } = statSync('/dev/vda');
  return `${(rdev >> 8) & 0xfff}:${rdev & 0xff}`;
}

/**
 * What every cgroup driver does, on the real kernel with real processes. The factory makes a driver
 * for this host; where the two versions of cgroups differ, `driver.version` decides.
 */
export function describeCgroupDriver(create: (keeperParent: string) => DriverUnderTest): void {
  let parent: string;
  let driver: CgroupDriver;
  let files: CgroupFiles;
  let path: string;
  let scope: TestScope;
  const members: Member[] = [];

  beforeEach(() => {
    scope = newScope();
    parent = scope.cgroupParent.slice(1);
    ({ driver, files } = create(parent));
  });

  afterEach(async () => {
    for (const member of members.splice(0)) await member.stop();
    const groups = driver.found(parent);
    await expect.poll(() => groups.flatMap(processesOf), { timeout: 20_000 }).toEqual([]);
    driver.remove(groups);
    driver.removeParent(parent);
    removeScope(scope);
  });

  function processesOf(group: CgroupGroup): string[] {
    return (files.read(group, 'cgroup.procs') ?? '').split('\n').filter(Boolean);
  }

  function prepare(
    resources: Resources,
    devices: readonly DeviceRule[] | null = null,
  ): CgroupSetup {
    path = driver.place(parent, id, resources);
    const setup = driver.setup({ path, resources, devices, owner: null });
    makeGroups(files, setup);
    return setup;
  }

  /** A process in a container with these limits, until the test ends. */
  async function start(resources: Resources, script = 'exec sleep 600'): Promise<Member> {
    const setup = prepare(resources);
    const member = await startMember(files, setup.join, script);
    members.push(member);
    return member;
  }

  function update(resources: Resources, previous: Resources): void {
    driver.update({ path, resources, devices: null, owner: null }, previous);
  }

  function account(resource: string, resources: Resources = {}) {
    const rows = driver.limits({ path, resources });
    const row = rows.find((candidate) => candidate.resource === resource);
    if (row === undefined) throw new Error(`No row ${resource} in ${JSON.stringify(rows)}`);
    return row;
  }

  const isV2 = (): boolean => driver.version === 'v2';

  describe('a container without limits', () => {
    test('has no memory cgroup of its own', async () => {
      const { pid } = await start({});
      expect(driver.stats({ path, resources: {} }).memory).toBeNull();
      expect(driver.processes(path)).toEqual([pid]);
      if (isV2()) expect(existsSync(join('/sys/fs/cgroup', path, 'memory.current'))).toBe(false);
      else expect(membership(pid).get('memory')).toBe(`/${parent}`);
    });

    test('has CPU time, a count of tasks and pressure nevertheless', async () => {
      await start({}, 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 600');
      await expect
        .poll(() => driver.stats({ path, resources: {} }).cpu?.usageUs, { timeout: 20_000 })
        .toBeGreaterThan(1000);
      const stats = driver.stats({ path, resources: {} });
      expect(stats.pids).toEqual({ current: 1, limit: null });
      expect(stats.pressure.cpu?.some.totalUs).toBeGreaterThanOrEqual(0);
      expect(stats.pressure.memory).not.toBeNull();
    });
  });

  describe('a memory limit', () => {
    test('kills what needs more, and counts it', () => {
      const resources = { memoryBytes: 16 * mebibyte };
      const setup = prepare(resources);
      const eater = 'dd if=/dev/zero of=/dev/null bs=128M count=1 2>/dev/null; echo "ended $?"';
      expect(runMember(files, setup.join, eater).stdout).toBe('ended 137\n');
      const { memory } = driver.stats({ path, resources });
      expect(memory).toMatchObject({ limitBytes: 16 * mebibyte, oomKills: 1 });
      expect(memory?.failCount).toBeGreaterThan(0);
      expect(account('memory').maximum).toBeGreaterThan(8 * mebibyte);
      expect(account('memory').timesHit).toBeGreaterThan(0);
      expect(account('oom kills').timesHit).toBe(1);
    });

    test('can be raised and lowered with its swap, in either direction', async () => {
      const small = { memoryBytes: 32 * mebibyte, memorySwapBytes: 64 * mebibyte };
      const large = { memoryBytes: 128 * mebibyte, memorySwapBytes: 160 * mebibyte };
      await start(small);
      update(large, small);
      expect(driver.stats({ path, resources: large }).memory?.limitBytes).toBe(128 * mebibyte);
      expect(account(isV2() ? 'swap' : 'memory+swap').limit).toBe((isV2() ? 32 : 160) * mebibyte);
      update(small, large);
      expect(driver.stats({ path, resources: small }).memory?.limitBytes).toBe(32 * mebibyte);
      update({ memoryBytes: -1 }, small);
      expect(driver.stats({ path, resources: {} }).memory?.limitBytes).toBeNull();
    });

    test('can be given to a running container that had none, with all its processes', async () => {
      const fork = 'for i in 1 2 3 4 5; do (while sleep 0.05; do :; done) & done; wait';
      await start({ pidsLimit: 100 }, fork);
      const resources = { pidsLimit: 100, memoryBytes: 64 * mebibyte };
      update(resources, { pidsLimit: 100 });
      expect(driver.stats({ path, resources }).memory?.limitBytes).toBe(64 * mebibyte);
      for (const pid of driver.processes(path)) {
        const process = `/proc/${pid}/cgroup`;
        if (!existsSync(process)) continue;
        expect(membership(pid).get(isV2() ? '' : 'memory')).toBe(`/${path}`);
      }
      expect(driver.joins(path).map((group) => group.path)).toContain(path);
    });

    test('keeps the other limits when a later part of an update fails', async () => {
      const before = { memoryBytes: 64 * mebibyte, pidsLimit: 10 };
      await start(before);
      const impossible = { memoryBytes: 96 * mebibyte, pidsLimit: 20, cpusetCpus: '900-901' };
      expect(() => {
        update(impossible, before);
      }).toThrow(/a set of CPUs/);
      expect(driver.stats({ path, resources: before })).toMatchObject({
        memory: { limitBytes: 64 * mebibyte },
        pids: { limit: 10 },
      });
    });
  });

  test('a limit of processes stops a fork bomb and counts the attempts', () => {
    const setup = prepare({ pidsLimit: 8 });
    const bomb = 'i=0; while [ $i -lt 30 ]; do sleep 1 & i=$((i+1)); done 2>/dev/null; wait';
    runMember(files, setup.join, bomb);
    expect(account('pids').limit).toBe(8);
    expect(account('pids').maximum).toBeLessThanOrEqual(8);
    expect(account('pids').timesHit).toBeGreaterThan(0);
  });

  describe('the CPU', () => {
    test('is shared out by quota', () => {
      const resources = { cpus: 0.2 };
      const setup = prepare(resources);
      runMember(files, setup.join, "timeout 1 sh -c 'while :; do :; done'");
      const { cpu } = driver.stats({ path, resources });
      expect(cpu?.usageUs).toBeLessThan(700_000);
      expect(cpu?.throttledPeriods).toBeGreaterThan(0);
      expect(cpu?.throttledUs).toBeGreaterThan(0);
      expect(account('cpus').limit).toBeCloseTo(0.2);
      expect(account('cpus').timesHit).toBeGreaterThan(0);
    });

    test('can be given and taken back while the container runs', async () => {
      const before = { cpus: 0.5, cpuBurstUs: 20_000, cpuShares: 512 };
      await start(before);
      const after = { cpuQuotaUs: 10_000, cpuPeriodUs: 50_000, cpuShares: 2048 };
      update(after, before);
      expect(account('cpus').limit).toBeCloseTo(0.2);
      update({}, after);
      expect(account('cpus').limit).toBeNull();
      expect(account(isV2() ? 'cpu weight' : 'cpu shares').limit).toBe(isV2() ? 100 : 1024);
    });

    test('can be one of several', async () => {
      const { pid } = await start({ cpusetCpus: '0' });
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/Cpus_allowed_list:\t0\n/);
      expect(account('cpuset').limit).toBe(1);
    });
  });

  test('rates of a block device are set, changed and taken back', async () => {
    const device = someBlockDevice();
    const before: Resources = {
      blkioReadBps: [{ device, rate: mebibyte }],
      blkioWriteIops: [{ device, rate: 100 }],
    };
    await start(before);
    expect(account(`read rate ${device}`).limit).toBe(mebibyte);
    expect(account(`write operations ${device}`).limit).toBe(100);
    const after: Resources = { blkioReadBps: [{ device, rate: 2 * mebibyte }] };
    update(after, before);
    expect(account(`read rate ${device}`).limit).toBe(2 * mebibyte);
    expect(() => account(`write operations ${device}`)).toThrow('No row');
    update({}, after);
    expect(() => account(`read rate ${device}`)).toThrow('No row');
  });

  test('block devices are shared out by weight', async () => {
    await start({ blkioWeight: 500 });
    update({ blkioWeight: 200 }, { blkioWeight: 500 });
    const file = isV2() ? weightFile('io.bfq.weight', 'io.weight') : 'blkio.bfq.weight';
    const group = { hierarchy: isV2() ? 0 : hierarchyOf('blkio'), path };
    expect(files.read(group, file)).toMatch(/^(default )?[0-9]+$/);
    const weight = (): number => Number(files.read(group, file)?.split(' ').at(-1));
    expect(weight()).toBe(file === 'io.weight' ? 1920 : 200);
    update({}, { blkioWeight: 200 });
    expect(weight()).toBe(100);
  });

  function weightFile(preferred: string, other: string): string {
    return files.read({ hierarchy: 0, path }, preferred) === null ? other : preferred;
  }

  function hierarchyOf(controller: string): number {
    return (
      files.hierarchies.find(({ controllers }) => controllers.includes(controller))?.index ?? 0
    );
  }

  test('every other limit of this version is set and taken back', async () => {
    const common: Resources = {
      memoryBytes: 64 * mebibyte,
      memoryReservationBytes: 32 * mebibyte,
      cpuPeriodUs: 50_000,
      cpusetMems: '0',
    };
    const own: Resources = isV2()
      ? { memoryHighBytes: 48 * mebibyte, memoryMinBytes: mebibyte, oomGroup: true }
      : { memorySwappiness: 10, oomKillDisable: true, cpuRealtimePeriodUs: 500_000 };
    const resources = { ...common, ...own };
    await start(resources);
    const hierarchy = isV2() ? 0 : hierarchyOf('memory');
    const read = (file: string): string | null => files.read({ hierarchy, path }, file);
    const memory = isV2()
      ? { 'memory.low': '33554432', 'memory.high': '50331648', 'memory.oom.group': '1' }
      : { 'memory.soft_limit_in_bytes': '33554432', 'memory.swappiness': '10' };
    for (const [file, value] of Object.entries(memory)) expect(read(file)).toBe(value);
    update({}, resources);
    const none = isV2()
      ? { 'memory.low': '0', 'memory.high': 'max', 'memory.min': '0', 'memory.oom.group': '0' }
      : { 'memory.soft_limit_in_bytes': '9223372036854771712' };
    for (const [file, value] of Object.entries(none)) expect(read(file)).toBe(value);
  });

  test('huge pages are limited', async (context) => {
    context.skip(driver.version === 'hybrid', 'requires a pure cgroup v2 host');
    const resources = { hugepages: [{ pageSize: '2MB', limitBytes: 4 * mebibyte }] };
    await start(resources);
    expect(account('hugepages 2MB', resources)).toMatchObject({ held: 0, limit: 4 * mebibyte });
  });

  describe('a device filter', () => {
    const rule = (minor: number, permissions: string): DeviceRule => ({
      allow: true,
      type: 'c',
      major: 1,
      minor,
      permissions,
    });

    const attempts = [
      'for device in null zero; do',
      '  (: </dev/$device) 2>&- && echo "$device read"',
      '  (: >/dev/$device) 2>&- && echo "$device write"',
      'done; :',
    ].join('\n');

    test('allows what the rules name and nothing else', () => {
      const setup = prepare({}, [rule(3, 'rw'), rule(5, 'r')]);
      const { stdout } = runMember(files, setup.join, attempts);
      expect(stdout.split('\n').filter((line) => line.startsWith('null'))).toEqual([
        'null read',
        'null write',
      ]);
      expect(stdout.split('\n').filter((line) => line.startsWith('zero'))).toEqual(['zero read']);
    });

    test('lets a later rule take back what an earlier one gave', () => {
      const setup = prepare({}, [rule(3, 'rwm'), { ...rule(3, 'w'), allow: false }]);
      const { stdout } = runMember(files, setup.join, attempts);
      expect(stdout).toBe('null read\n');
    });
  });

  describe('a limit that the kernel lacks', () => {
    test('is refused by name', () => {
      const lacking: Resources = isV2() ? { memorySwappiness: 10 } : { memoryHighBytes: mebibyte };
      const attempt = (): void => {
        prepare(lacking);
      };
      expect(attempt).toThrow(isV2() ? /swappiness/ : /throttling memory limit/);
      expect(attempt).toThrow(expect.objectContaining({ kind: 'unsupported' }) as Error);
    });

    test('is refused in an update, which changes nothing', async () => {
      const before = { pidsLimit: 10 };
      await start(before);
      const lacking: Resources = isV2() ? { oomKillDisable: true } : { oomGroup: true };
      expect(() => {
        update({ pidsLimit: 20, memoryBytes: 64 * mebibyte, ...lacking }, before);
      }).toThrow(expect.objectContaining({ kind: 'unsupported' }) as Error);
      expect(account('pids').limit).toBe(10);
      expect(driver.stats({ path, resources: before }).memory).toBeNull();
    });
  });

  describe('groups', () => {
    test('are found, refuse to go while in use, and go', async () => {
      const member = await start({ memoryBytes: 64 * mebibyte, pidsLimit: 5 });
      const found = driver.found(parent);
      expect(found).toContainEqual({ hierarchy: 0, path });
      const removal = (): void => {
        driver.remove(found);
      };
      expect(removal).toThrow(expect.objectContaining({ code: 'CGROUP_BUSY' }) as Error);
      await member.stop();
      await expect.poll(() => driver.processes(path), { timeout: 20_000 }).toEqual([]);
      removal();
      driver.removeParent(parent);
      expect(driver.found(parent)).toEqual([]);
      for (const { index, mountPoint } of files.hierarchies) {
        if (mountPoint === '') continue;
        expect(existsSync(groupDirectory(files, { hierarchy: index, path: parent }))).toBe(false);
      }
    });

    test('that a container made inside its own go with it', async () => {
      const { pid } = await start({});
      files.make({ hierarchy: 0, path: `${path}/inner` });
      files.write({ hierarchy: 0, path: `${path}/inner` }, 'cgroup.procs', String(pid));
      expect(driver.processes(path)).toEqual([pid]);
      files.write({ hierarchy: 0, path }, 'cgroup.kill', '1');
      await expect.poll(() => driver.processes(path), { timeout: 20_000 }).toEqual([]);
      driver.remove(driver.found(parent));
      expect(driver.found(parent)).toEqual([]);
    });

    test('of a container that has ended take no update', () => {
      path = driver.place(parent, id, {});
      try {
        update({ pidsLimit: 5 }, {});
        expect.unreachable();
      } catch (error) {
        expect(isWarrenError(error, 'notFound')).toBe(true);
      }
    });
  });
}

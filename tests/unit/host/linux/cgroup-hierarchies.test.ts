import { expect, test } from 'vitest';
import { parseHierarchies } from '../../../../src/host/linux/cgroup-hierarchies.js';

const procCgroups = [
  '#subsys_name\thierarchy\tnum_cgroups\tenabled',
  'cpuset\t3\t1\t1',
  'cpu\t1\t1\t1',
  'cpuacct\t1\t1\t1',
  'memory\t4\t8\t1',
  '',
].join('\n');

test('a hybrid host has the unified hierarchy first and one entry for each v1 mount', () => {
  const mountinfo = [
    '23 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
    '36 31 0:32 / /mnt/again rw,relatime - cgroup cgroup rw,memory',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate',
  ].join('\n');
  expect(parseHierarchies(mountinfo, procCgroups)).toEqual([
    { index: 0, name: 'unified', mountPoint: '/sys/fs/cgroup/unified', controllers: [] },
    {
      index: 1,
      name: 'cpu,cpuacct',
      mountPoint: '/sys/fs/cgroup/cpu,cpuacct',
      controllers: ['cpu', 'cpuacct'],
    },
    { index: 2, name: 'memory', mountPoint: '/sys/fs/cgroup/memory', controllers: ['memory'] },
    { index: 3, name: 'name=systemd', mountPoint: '/sys/fs/cgroup/systemd', controllers: [] },
  ]);
});

test('a host without cgroup2 has an unmounted unified hierarchy', () => {
  const [unified] = parseHierarchies('', procCgroups);
  expect(unified).toEqual({ index: 0, name: 'unified', mountPoint: '', controllers: [] });
});

test('escaped characters of a mount point are read', () => {
  const line = '41 31 0:38 / /mnt/my\\040cgroups rw - cgroup2 cgroup2 rw';
  expect(parseHierarchies(line, procCgroups)[0]?.mountPoint).toBe('/mnt/my cgroups');
});

import type { Mount, TmpfsMount } from '../../model/container-config.js';
import type { DeviceMapping, DeviceRule } from '../../model/resources.js';
import { choice } from '../parse/value/choice.js';
import { parseDevice, parseDeviceRule } from '../parse/device.js';
import { parseMount } from '../parse/mount.js';
import { parseSize } from '../parse/value/size.js';
import { parseTmpfsFlag } from '../parse/tmpfs-flag.js';
import { parseVolumeFlag } from '../parse/volume-flag.js';
import { asText, flag, list, value, type TableFor } from '../program/option.js';

/** File systems and devices. */
export interface FilesFlags {
  readonly volume: readonly Mount[];
  readonly mount: readonly Mount[];
  readonly volumesFrom: readonly string[];
  readonly tmpfs: readonly TmpfsMount[];
  readonly readOnly: boolean;
  readonly shmSize: number | undefined;
  readonly volatile: number | undefined;
  readonly device: readonly DeviceMapping[];
  readonly deviceCgroupRule: readonly DeviceRule[];
  readonly sysfs: 'shared' | 'own' | undefined;
  readonly noPty: boolean;
}

const group = 'Files and devices';

export const filesOptions: TableFor<FilesFlags> = {
  volume: list('-v, --volume <[source:]target[:options]>', 'Mount a path of the host or a volume', {
    group,
    parse: (text) => parseVolumeFlag(text, process.cwd()),
    complete: 'volume',
  }),
  mount: list(
    '--mount <fields>',
    'Mount: type=bind|volume|tmpfs,src=,dst=,ro,bind-propagation=,…',
    { group, parse: parseMount },
  ),
  volumesFrom: list(
    '--volumes-from <container[:ro]>',
    'Mount the binds and volumes of another container too',
    { group, parse: asText, complete: 'container' },
  ),
  tmpfs: list('--tmpfs <target[:options]>', 'Mount a tmpfs: size=, mode=, uid=, gid=, ro, exec', {
    group,
    parse: parseTmpfsFlag,
  }),
  readOnly: flag('--read-only', 'Make the root file system read-only', { group }),
  shmSize: value('--shm-size <size>', 'Size of /dev/shm; 0: none', {
    group,
    parse: parseSize,
    defaultText: '64m',
  }),
  volatile: {
    kind: 'optional',
    flags: '--volatile [=size]',
    help: 'Keep the writable layer in memory, lost at the end (512m without a size)',
    group,
    parse: parseSize,
    bare: 0,
  },
  device: list('--device <host[:inside[:rwm]]>', 'Give it a device of the host', {
    group,
    parse: parseDevice,
    complete: 'file',
  }),
  deviceCgroupRule: list('--device-cgroup-rule <rule>', "Allow devices: 'c 10:200 rwm'", {
    group,
    parse: parseDeviceRule,
  }),
  sysfs: value(
    '--sysfs <mode>',
    'shared (read-only) or own (a real sysfs of its network namespace)',
    { group, parse: choice('shared', 'own'), complete: ['shared', 'own'] },
  ),
  noPty: flag('--no-pty', 'Leave out its /dev/pts: saves memory where no terminal is needed', {
    group,
  }),
};

import { statfsSync } from 'node:fs';
import { WarrenError } from '../base/errors.js';

/** File systems whose locks and mappings do not hold across machines (statfs(2), include/uapi/linux/magic.h). */
const unsuitable: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x01021997, '9p'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'afs'],
  [0x65735546, 'fuse'],
  [0x01161970, 'gfs2'],
  [0x7461636f, 'ocfs2'],
  [0x0bd00bd0, 'lustre'],
]);

/** @throws WarrenError unsupported (NETWORK_FILE_SYSTEM) when records cannot be kept in `directory` */
export function requireLocalFileSystem(directory: string): void {
  const type = statfsSync(directory).type >>> 0;
  const name = unsuitable.get(type);
  if (name === undefined) return;
  throw new WarrenError(
    'unsupported',
    'NETWORK_FILE_SYSTEM',
    `Cannot keep records in ${directory}: it is on a network or FUSE file system (${name})`,
    { hint: 'Choose a data root on a local disk (--data-root)' },
  );
}

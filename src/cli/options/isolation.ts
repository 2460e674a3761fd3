import type { ContainerConfig } from '../../model/container-config.js';
import { choice } from '../parse/value/choice.js';
import { parseIpc, parsePid } from '../parse/namespace.js';
import { parseSecurityOption, type SecurityOption } from '../parse/security.js';
import { asText, flag, list, value, type TableFor } from '../program/option.js';

/** Namespaces and privileges. */
export interface IsolationFlags {
  readonly pid: ContainerConfig['pid'];
  readonly ipc: ContainerConfig['ipc'];
  readonly uts: 'private' | 'host' | undefined;
  readonly userns: 'private' | 'host' | undefined;
  readonly cgroupns: 'private' | 'host' | undefined;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly privileged: boolean;
  readonly securityOpt: readonly SecurityOption[];
  readonly cgroupParent: string | undefined;
}

const group = 'Isolation';

export const isolationOptions: TableFor<IsolationFlags> = {
  pid: value('--pid <mode>', 'PID namespace: private, host or container:NAME', {
    group,
    parse: parsePid,
    complete: ['private', 'host'],
  }),
  ipc: value('--ipc <mode>', 'IPC namespace: none, private, shareable, host or container:NAME', {
    group,
    parse: parseIpc,
    complete: ['none', 'private', 'shareable', 'host'],
  }),
  uts: value('--uts <mode>', 'Host name namespace: private or host', {
    group,
    parse: choice('private', 'host'),
    complete: ['private', 'host'],
  }),
  userns: value('--userns <mode>', 'User namespace: private or host', {
    group,
    parse: choice('private', 'host'),
    complete: ['private', 'host'],
  }),
  cgroupns: value('--cgroupns <mode>', 'Cgroup namespace: private or host', {
    group,
    parse: choice('private', 'host'),
    complete: ['private', 'host'],
  }),
  capAdd: list('--cap-add <capability>', 'Add a capability, or ALL', {
    group,
    parse: asText,
  }),
  capDrop: list('--cap-drop <capability>', 'Drop a capability, or ALL', {
    group,
    parse: asText,
  }),
  privileged: flag('--privileged', 'All capabilities and devices, no seccomp, nothing masked', {
    group,
  }),
  securityOpt: list(
    '--security-opt <option>',
    'no-new-privileges, seccomp=unconfined|FILE, systempaths=unconfined',
    { group, parse: parseSecurityOption },
  ),
  cgroupParent: value('--cgroup-parent <path>', 'Cgroup below which it gets its own', {
    group,
    parse: asText,
  }),
};

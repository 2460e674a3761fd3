/** Which namespaces a container makes, joins or shares with the host. */
import type { ContainerRecord } from '../model/container.js';
import { isNetworkName } from '../model/network/network.js';
import type { OciIdMapping, OciNamespace, OciNamespaceType } from './oci.js';

type Mode = 'private' | 'host' | { readonly container: string };

/** Modes of the namespaces that a user may choose, in one shape. */
export interface NamespaceModes {
  readonly pid: Mode;
  readonly ipc: Mode;
  readonly network: Mode;
  readonly uts: Mode;
  readonly cgroup: Mode;
  readonly user: Mode;
}

const prefix = 'container:';

/** Reads the record's modes. The user namespace is that of a joined container, which owns the others. */
export function namespaceModes(record: ContainerRecord): NamespaceModes {
  const { spec } = record;
  const pid = modeOf(spec.pid);
  const ipc = modeOf(spec.ipc === 'none' || spec.ipc === 'shareable' ? 'private' : spec.ipc);
  const network = modeOf(
    spec.network === 'none' || isNetworkName(spec.network) ? 'private' : spec.network,
  );
  const joined = [pid, ipc, network].find((mode) => typeof mode === 'object');
  const user: Mode = spec.userns === 'private' && joined !== undefined ? joined : spec.userns;
  return { pid, ipc, network, uts: spec.uts, cgroup: spec.cgroupns, user };
}

/** The OCI list: without a path a new one, with `container:ID` that container's; a type that is missing is the host's. */
export function namespaceList(modes: NamespaceModes): OciNamespace[] {
  const list: OciNamespace[] = [{ type: 'mount' }];
  const add = (type: OciNamespaceType, mode: Mode): void => {
    if (mode === 'private') list.push({ type });
    else if (mode !== 'host') list.push({ type, path: `${prefix}${mode.container}` });
  };
  add('pid', modes.pid);
  add('ipc', modes.ipc);
  add('network', modes.network);
  add('uts', modes.uts);
  add('cgroup', modes.cgroup);
  add('user', modes.user);
  return list;
}

/** The id of `container:ID`; undefined for another kind of path. */
export function joinedContainer(namespace: OciNamespace): string | undefined {
  return namespace.path?.startsWith(prefix) === true
    ? namespace.path.slice(prefix.length)
    : undefined;
}

/** The map of uids and of gids; empty with the host's user namespace. */
export function idMappings(record: ContainerRecord): OciIdMapping[] {
  if (record.spec.userns === 'host') return [];
  if (record.ids === null)
    throw new Error(`Container ${record.id} has a user namespace of its own and no ids`);
  return [{ containerID: 0, hostID: record.ids.base, size: record.ids.count }];
}

function modeOf(mode: string): Mode {
  if (mode === 'private' || mode === 'host') return mode;
  return { container: mode.slice(prefix.length) };
}

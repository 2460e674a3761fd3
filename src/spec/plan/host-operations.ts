/** Phases 1, 2 and 4: cgroups, namespaces, the root file system, binds. */
import type { CgroupPlan, LaunchInput } from '../contract.js';
import { joinedContainer } from '../namespaces.js';
import type { OciIdMapping, OciMount, OciSpec } from '../oci.js';
import { joinedShm, sharedDevices, sharedSysfs, volumeSource } from '../mount-list.js';
import { needsLockedMounts } from '../validate-locked.js';
import { parseMountOptions } from './mount-options.js';
import {
  bindFlags,
  bindSources,
  cloneFlags,
  createKinds,
  mountAttributes,
  overlayStrategies,
  propagations,
} from '../../host/plan-operations.js';
import type { PlanWriter } from './plan-writer.js';

export function writeCgroups(
  plan: PlanWriter,
  { make, writes, join, deviceProgram }: CgroupPlan,
): void {
  for (const group of make)
    plan
      .op('CGROUP_MAKE', group.own ? 1 : 0)
      .u8(group.hierarchy)
      .str(group.path);
  for (const write of writes) {
    plan.op('CGROUP_WRITE').u8(write.hierarchy).str(write.path).str(write.file).str(write.value);
  }
  if (deviceProgram !== null) {
    const { group, program } = deviceProgram;
    plan.op('CGROUP_DEVICES').u8(group.hierarchy).str(group.path).bytes(program);
  }
  writeCgroupJoins(plan, join);
}

export function writeCgroupJoins(plan: PlanWriter, join: CgroupPlan['join']): void {
  for (const group of join) plan.op('CGROUP_JOIN').u8(group.hierarchy).str(group.path);
}

export function writeCgroupRemovals(plan: PlanWriter, { remove }: CgroupPlan): void {
  for (const group of remove) plan.op('CGROUP_REMOVE').u8(group.hierarchy).str(group.path);
}

const lockedFlag = 1;

export function writeNamespaces(plan: PlanWriter, spec: OciSpec): void {
  let made = 0;
  const joined = new Map<string, number>();
  for (const namespace of spec.linux.namespaces) {
    const container = joinedContainer(namespace);
    const flag = cloneFlags[namespace.type];
    if (container === undefined) made |= flag;
    else joined.set(container, (joined.get(container) ?? 0) | flag);
  }
  plan.op('NAMESPACES', needsLockedMounts(spec) ? lockedFlag : 0).u64(made);
  for (const [container, flags] of joined) plan.op('NAMESPACE_JOIN').u64(flags).str(container);
  if ((made & cloneFlags.user) !== 0) {
    const payload = plan.op('IDMAP');
    writeRanges(payload, spec.linux.uidMappings);
    writeRanges(payload, spec.linux.gidMappings);
  }
}

type Payload = ReturnType<PlanWriter['op']>;

function writeRanges(payload: Payload, ranges: readonly OciIdMapping[]): void {
  payload.u32(ranges.length);
  for (const range of ranges) payload.u32(range.containerID).u32(range.hostID).u32(range.size);
}

/** Device nodes of layers must not open the host's devices: the root is without them in an own user namespace. */
export function writeRoot(plan: PlanWriter, input: LaunchInput): void {
  const { record, writableLayer } = input;
  const contained = record.ids !== null;
  plan
    .op('OVERLAY')
    .u8(overlayStrategies[input.overlayStrategy])
    .strings(input.layers ?? record.layers)
    .str(writableLayer?.upper ?? '')
    .str(writableLayer?.work ?? '')
    .u64(writableLayer === null ? record.spec.volatileSizeBytes : 0)
    .bool(contained)
    .bool(writableLayer === null && record.spec.volatileSizeBytes > 0)
    .u64(contained ? mountAttributes.noDev : 0);
}

/** True for mounts that are trees made by the host's side; the child makes the others. */
export function isBind(mount: OciMount): boolean {
  return mount.type === 'bind' || mount.source === sharedDevices || mount.source === sharedSysfs;
}

export function writeBind(
  plan: PlanWriter,
  mount: OciMount,
  context: { readonly spec: OciSpec; readonly input: LaunchInput },
): void {
  const { attributes, propagation, recursive, idmapped, optional } = parseMountOptions(
    mount.options,
  );
  if (mount.source === sharedDevices) return writeDevices(plan, mount, context.spec.linux);
  if (mount.source === sharedSysfs) {
    return writeShared(plan, mount, { name: 'sys', attributes });
  }
  const { input } = context;
  const joined = mount.source === joinedShm;
  const store = storeSource(input, mount);
  const flags =
    (recursive ? bindFlags.recursive : 0) |
    (idmapped && input.record.ids !== null ? bindFlags.idmapped : 0) |
    (optional ? bindFlags.optional : 0) |
    (makesSource(input, mount) ? bindFlags.makeSource : 0);
  plan
    .op('BIND', flags)
    .u8(bindSources[joined ? 'joined' : store === undefined ? 'host' : 'store'])
    .str(joined ? mount.destination : (store ?? mount.source))
    .str(mount.destination)
    .u64(attributes)
    .u8(propagation)
    .u8(createKinds.likeSource);
}

const sharedDeviceAttributes = mountAttributes.noSuid;

function writeDevices(plan: PlanWriter, mount: OciMount, { devices }: OciSpec['linux']): void {
  if (devices.length === 0) {
    return writeShared(plan, mount, { name: 'dev', attributes: sharedDeviceAttributes });
  }
  const payload = plan.op('DEV_TREE').u32(devices.length);
  for (const device of devices) {
    payload.str(device.path.replace(/^\/dev\//, '')).u8(device.type.charCodeAt(0));
    payload
      .u32(device.major)
      .u32(device.minor)
      .u32(device.fileMode & 0o777);
    payload.u32(device.uid).u32(device.gid);
  }
}

function writeShared(
  plan: PlanWriter,
  mount: OciMount,
  tree: { readonly name: string; readonly attributes: number },
): void {
  plan
    .op('BIND')
    .u8(bindSources.shared)
    .str(tree.name)
    .str(mount.destination)
    .u64(tree.attributes)
    .u8(propagations.private)
    .u8(createKinds.directory);
}

/** Store-relative source of a volume or of one of the engine's files; undefined for a path of the host. */
function storeSource(input: LaunchInput, { destination }: OciMount): string | undefined {
  const mount = input.record.spec.mounts.find((candidate) => candidate.target === destination);
  if (mount?.type === 'volume') return volumeSource(input, destination);
  if (mount !== undefined) return undefined;
  return input.etcFiles.find((file) => file.target === destination)?.source;
}

function makesSource({ record }: LaunchInput, { destination }: OciMount): boolean {
  return record.spec.mounts.some(
    (mount) => mount.type === 'bind' && mount.target === destination && mount.createSource === true,
  );
}

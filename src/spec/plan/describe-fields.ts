/** Readers of the payload of every operation, for people and tests. */
import type { BinaryReader } from '../../base/binary.js';
import { netlinkPlaces, netlinkProtocols } from '../../host/netlink.js';
import { namesOfCapabilities } from '../capabilities.js';
import {
  bindSources,
  cloneFlags,
  createKinds,
  mountAttributes,
  overlayStrategies,
  propagations,
  type OperationName,
} from '../../host/plan-operations.js';

/** `TYPE:LENGTH` of each message. */
function netlinkTypes(messages: Uint8Array): string[] {
  const bytes = Buffer.from(messages.buffer, messages.byteOffset, messages.length);
  const types: string[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += (Math.max(16, bytes.readUInt32LE(at)) + 3) & ~3)
    types.push(`${bytes.readUInt16LE(at + 4)}:${bytes.readUInt32LE(at)}`);
  return types;
}

type Fields = Readonly<Record<string, unknown>>;

const group = (reader: BinaryReader): Fields => ({ hierarchy: reader.u8(), path: reader.str() });
const path = (reader: BinaryReader): Fields => ({ path: reader.str() });
const nothing = (): Fields => ({});
const limit = (value: bigint): number | 'unlimited' =>
  value > 2n ** 63n ? 'unlimited' : Number(value);

export const fieldReaders: Readonly<Record<OperationName, (reader: BinaryReader) => Fields>> = {
  CGROUP_MAKE: group,
  CGROUP_WRITE: (reader) => ({ ...group(reader), file: reader.str(), value: reader.str() }),
  CGROUP_DEVICES: (reader) => ({ ...group(reader), instructions: reader.bytes().length / 8 }),
  CGROUP_JOIN: group,
  NAMESPACES: (reader) => ({ namespaces: bitNames(reader.u64Number(), cloneFlags) }),
  NAMESPACE_JOIN: (reader) => ({
    namespaces: bitNames(reader.u64Number(), cloneFlags),
    container: reader.str(),
  }),
  IDMAP: (reader) => ({ uids: idRanges(reader), gids: idRanges(reader) }),
  OVERLAY: (reader) => ({
    strategy: nameOf(reader.u8(), overlayStrategies),
    lower: reader.strings(),
    upper: reader.str(),
    work: reader.str(),
    tmpfsBytes: reader.u64Number(),
    idmapped: reader.bool(),
    volatile: reader.bool(),
    attributes: bitNames(reader.u64Number(), mountAttributes),
  }),
  BIND: (reader) => ({
    kind: nameOf(reader.u8(), bindSources),
    source: reader.str(),
    target: reader.str(),
    attributes: bitNames(reader.u64Number(), mountAttributes),
    propagation: nameOf(reader.u8(), propagations),
    create: nameOf(reader.u8(), createKinds),
  }),
  DEV_TREE: (reader) => ({ nodes: reader.list(deviceNode) }),
  OOM_SCORE: (reader) => ({ score: reader.i32() }),
  MOUNT: (reader) => ({
    type: reader.str(),
    source: reader.str(),
    target: reader.str(),
    attributes: bitNames(reader.u64Number(), mountAttributes),
    create: nameOf(reader.u8(), createKinds),
    options: reader.list(option),
  }),
  MASK: path,
  READONLY: path,
  SYSCTL: (reader) => ({ name: reader.str(), value: reader.str() }),
  HOSTNAME: (reader) => ({ hostname: reader.str(), domainname: reader.str() }),
  LOOPBACK_UP: nothing,
  RLIMIT: (reader) => ({
    resource: reader.u32(),
    soft: limit(reader.u64()),
    hard: limit(reader.u64()),
  }),
  CREDENTIALS: (reader) => ({
    uid: reader.u32(),
    gid: reader.u32(),
    groups: reader.list((item) => item.u32()),
    umask: `0${reader.u32().toString(8)}`,
  }),
  CAPABILITIES: (reader) => ({
    bounding: capabilities(reader),
    effective: capabilities(reader),
    permitted: capabilities(reader),
    inheritable: capabilities(reader),
    ambient: capabilities(reader),
  }),
  NO_NEW_PRIVILEGES: nothing,
  SECCOMP: (reader) => ({ flags: reader.u32(), instructions: reader.bytes().length / 8 }),
  ENVIRONMENT: (reader) => ({ entries: reader.strings() }),
  WORKDIR: path,
  EXEC: (reader) => ({ candidates: reader.strings(), argv: reader.strings() }),
  CGROUP_REMOVE: group,
  NETNS: path,
  NETLINK: (reader) => ({
    protocol: nameOf(reader.u8(), netlinkProtocols),
    place: nameOf(reader.u8(), netlinkPlaces),
    path: reader.str(),
    namespaceAt: reader.list((item) => item.u32()),
    messages: netlinkTypes(reader.bytes()),
  }),
  KEYRING: nothing,
  ROOT_READONLY: nothing,
  CGROUP_OWNER: (reader) => ({ ...group(reader), uid: reader.u32(), gid: reader.u32() }),
  CGROUPS_REMOVE: (reader) => ({ hierarchies: reader.u32(), path: reader.str() }),
};

function capabilities(reader: BinaryReader): string[] {
  return namesOfCapabilities(reader.u64());
}

function idRanges(reader: BinaryReader): Fields[] {
  return reader.list((item) => ({ inside: item.u32(), outside: item.u32(), count: item.u32() }));
}

function deviceNode(reader: BinaryReader): Fields {
  return {
    name: reader.str(),
    kind: String.fromCharCode(reader.u8()),
    major: reader.u32(),
    minor: reader.u32(),
    mode: `0${reader.u32().toString(8)}`,
    uid: reader.u32(),
    gid: reader.u32(),
  };
}

/** `size=64m`, or a flag's name alone. */
function option(reader: BinaryReader): string {
  const key = reader.str();
  const value = reader.str();
  return value === '' ? key : `${key}=${value}`;
}

function bitNames(bits: number, names: Readonly<Record<string, number>>): string[] {
  return Object.entries(names)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
}

function nameOf(value: number, names: Readonly<Record<string, number>>): string {
  return Object.entries(names).find(([, known]) => known === value)?.[0] ?? `unknown ${value}`;
}

/** rtnetlink messages that make and change links (linux/if_link.h). */
import { messageFlags, type MessageWriter } from './message-writer.js';

const newLink = 16;
const deleteLink = 17;
const up = 0x1;

const attributes = {
  address: 1,
  name: 3,
  mtu: 4,
  parent: 5,
  master: 10,
  linkInfo: 18,
  namespacePid: 19,
  familySettings: 26,
  group: 27,
  namespaceFd: 28,
  txQueues: 31,
  rxQueues: 32,
} as const;

const infoKind = 1;
const infoData = 2;
const vethPeer = 1;
const macvlanMode = 1;
const macvlanBridge = 4;
const familyIPv4 = 2;
/** IFLA_INET_CONF: attributes are settings by their number (IPV4_DEVCONF_*). */
const ipv4Settings = 1;
const loopbackIsRouted = 26;
const familyIPv6 = 10;
const addressGeneration = 8;
const generateNone = 1;

const isNew = messageFlags.create | messageFlags.exclusive;

/** A link that is to be made. */
export interface NewLink {
  readonly name: string;
  /** Interface index. */
  readonly index: number;
  readonly mac: string;
  /** 0: the kernel's default. */
  readonly mtu: number;
}

/** Where the other end of a veth pair goes: the container's namespace, or that of a process. */
export type FarPlace = 'container' | { readonly pid: number };

/** Six bytes of `0a:57:…`. */
export function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/** struct ifinfomsg. */
function header(out: MessageWriter, index: number, isUp: boolean): void {
  const flags = isUp ? up : 0;
  out.u32(0).u32(index).u32(flags).u32(flags);
}

/** One queue each way: one for every processor costs memory and gains a container nothing. */
function describe(out: MessageWriter, link: NewLink): void {
  out.attributeString(attributes.name, link.name);
  out.attributeBytes(attributes.address, macBytes(link.mac));
  if (link.mtu > 0) out.attribute32(attributes.mtu, link.mtu);
  out.attribute32(attributes.txQueues, 1).attribute32(attributes.rxQueues, 1);
}

export interface VethPair {
  /** In the namespace of the socket; up. */
  readonly near: NewLink;
  /** Index of the bridge that `near` becomes a port of. */
  readonly master?: number;
  /** Down: its own namespace brings it up. */
  readonly far: NewLink;
  readonly place: FarPlace;
}

/** Both ends in one message. */
export function addVeth(out: MessageWriter, { near, master, far, place }: VethPair): void {
  out.begin(newLink, isNew);
  header(out, near.index, true);
  describe(out, near);
  if (master !== undefined) out.attribute32(attributes.master, master);
  out.nest(attributes.linkInfo, () => {
    out.attributeString(infoKind, 'veth');
    out.nest(infoData, () => {
      out.nest(vethPeer, () => {
        header(out, far.index, false);
        describe(out, far);
        if (place === 'container') out.attributeNamespace(attributes.namespaceFd);
        else out.attribute32(attributes.namespacePid, place.pid);
      });
    });
  });
}

/** In the container's namespace; containers of one parent reach each other. */
export function addMacvlan(out: MessageWriter, link: NewLink, parent: number): void {
  out.begin(newLink, isNew);
  header(out, link.index, false);
  describe(out, link);
  out.attribute32(attributes.parent, parent).attributeNamespace(attributes.namespaceFd);
  out.nest(attributes.linkInfo, () => {
    out.attributeString(infoKind, 'macvlan');
    out.nest(infoData, () => out.attribute32(macvlanMode, macvlanBridge));
  });
}

/** Up, with nothing in it. */
export function addBridge(out: MessageWriter, link: NewLink): void {
  out.begin(newLink, isNew);
  header(out, link.index, true);
  describe(out, link);
  out.nest(attributes.linkInfo, () => out.attributeString(infoKind, 'bridge'));
}

/** Group of links that are to be removed; links are in group 0 otherwise. */
const retiredGroup = 0x5752;

/**
 * A link that gives back what leaves by it, as if it had just arrived where it came from; up. One that is there stays, also when it was
 * retired.
 */
export function addReturn(
  out: MessageWriter,
  { name, index }: Pick<NewLink, 'name' | 'index'>,
): void {
  out.begin(newLink, messageFlags.create);
  header(out, index, true);
  out.attributeString(attributes.name, name).attribute32(attributes.group, 0);
  out.nest(attributes.linkInfo, () => out.attributeString(infoKind, 'ifb'));
}

export function setUp(out: MessageWriter, index: number): void {
  out.begin(newLink, 0);
  header(out, index, true);
}

/** No link-local address of its own, with all the talk that goes with one. */
export function withoutLinkLocal(out: MessageWriter, index: number): void {
  out.begin(newLink, 0);
  header(out, index, false);
  out.nest(attributes.familySettings, () =>
    out.nest(familyIPv6, () => out.attribute8(addressGeneration, generateNone)),
  );
}

/** Packets from and to 127.0.0.0/8 may leave by it, with another address by then. */
export function routeLoopback(out: MessageWriter, index: number): void {
  out.begin(newLink, 0);
  header(out, index, true);
  out.nest(attributes.familySettings, () =>
    out.nest(familyIPv4, () => out.nest(ipv4Settings, () => out.attribute32(loopbackIsRouted, 1))),
  );
}

export function removeLink(out: MessageWriter, index: number): void {
  out.begin(deleteLink, 0);
  header(out, index, false);
}

/** The link is not needed any more: it goes with the next `removeRetired`. */
export function retireLink(out: MessageWriter, index: number): void {
  out.begin(newLink, 0);
  header(out, index, false);
  out.attribute32(attributes.group, retiredGroup);
}

/** Removes what was retired. The kernel waits some 20 ms for each message that removes links, however many they are. */
export function removeRetired(out: MessageWriter): void {
  out.begin(deleteLink, 0);
  header(out, 0, false);
  out.attribute32(attributes.group, retiredGroup);
}

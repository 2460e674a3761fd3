/** rtnetlink messages for addresses, routes and neighbours (linux/if_addr.h, rtnetlink.h, neighbour.h). */
import { addressBits, addressBytes, type IpAddress, type IpNetwork } from '../../base/ip.js';
import { macBytes } from './links.js';
import { messageFlags, type MessageWriter } from './message-writer.js';

const newAddress = 20;
const deleteAddress = 21;
const newRoute = 24;
const deleteRoute = 25;
const newNeighbour = 28;

const families = { 4: 2, 6: 10 } as const;
const addressAttributes = { address: 1, local: 2, broadcast: 4 } as const;
const withoutDuplicateCheck = 0x02;
const permanentAddress = 0x80;

const routeAttributes = { destination: 1, oif: 4, gateway: 5, priority: 6, source: 7 } as const;
const mainTable = 254;
const localTable = 255;
const lastMetric = 4096;
const protocolStatic = 4;
const scopes = { universe: 0, link: 253 } as const;
const routeTypes = { unicast: 1, local: 2, unreachable: 7 } as const;
const onLink = 4;

const neighbourAttributes = { destination: 1, linkAddress: 2 } as const;
const permanentNeighbour = 0x80;

const set = messageFlags.create | messageFlags.replace;

/** Gives a link an address with the prefix length of `prefix`. */
export function addAddress(
  out: MessageWriter,
  index: number,
  address: IpAddress & { readonly prefix: number },
): void {
  const bytes = addressBytes(address);
  out.begin(newAddress, set);
  out.u8(families[address.family]).u8(address.prefix);
  out
    .u8(permanentAddress | (address.family === 6 ? withoutDuplicateCheck : 0))
    .u8(scopes.universe)
    .u32(index);
  out.attributeBytes(addressAttributes.local, bytes);
  out.attributeBytes(addressAttributes.address, bytes);
  if (address.family === 4 && address.prefix < 31) {
    const last = address.value | ((1n << BigInt(32 - address.prefix)) - 1n);
    out.attributeBytes(addressAttributes.broadcast, addressBytes({ family: 4, value: last }));
  }
}

/** Takes an address away that has the prefix length of one address. */
export function removeAddress(out: MessageWriter, index: number, address: IpAddress): void {
  out.begin(deleteAddress, 0);
  out.u8(families[address.family]).u8(addressBits(address.family)).u16(0).u32(index);
  out.attributeBytes(addressAttributes.local, addressBytes(address));
}

export interface Route {
  readonly to: IpNetwork;
  /** Interface index; undefined: unreachable. */
  readonly link?: number;
  /** Next hop, taken to be on the link. */
  readonly via?: IpAddress;
  /** Of several routes to one destination the smallest counts. @default 0 */
  readonly priority?: number;
  /** Address that the host speaks from. */
  readonly source?: IpAddress;
}

function describe(out: MessageWriter, route: Route): void {
  const { to, link, via, priority, source } = route;
  out.u8(families[to.family]).u8(to.prefix).u8(0).u8(0).u8(mainTable).u8(protocolStatic);
  out.u8(link !== undefined && via === undefined ? scopes.link : scopes.universe);
  out.u8(link === undefined ? routeTypes.unreachable : routeTypes.unicast);
  out.u32(via === undefined ? 0 : onLink);
  const bytes = addressBytes({ family: to.family, value: to.base });
  if (to.prefix > 0) out.attributeBytes(routeAttributes.destination, bytes);
  if (link !== undefined) out.attribute32(routeAttributes.oif, link);
  if (via !== undefined) out.attributeBytes(routeAttributes.gateway, addressBytes(via));
  if (priority !== undefined) out.attribute32(routeAttributes.priority, priority);
  if (source !== undefined) out.attributeBytes(routeAttributes.source, addressBytes(source));
}

/** Replaces a route to the same destination. */
export function addRoute(out: MessageWriter, route: Route): void {
  out.begin(newRoute, set);
  describe(out, route);
}

/** ::1 is this machine's for packets that come by a link too; the way by `lo` stays the first. */
export function addLoopbackRoute(out: MessageWriter, link: number): void {
  out.begin(newRoute, set);
  out.u8(families[6]).u8(128).u8(0).u8(0).u8(localTable).u8(protocolStatic);
  out.u8(scopes.universe).u8(routeTypes.local).u32(0);
  out.attributeBytes(routeAttributes.destination, addressBytes({ family: 6, value: 1n }));
  out.attribute32(routeAttributes.oif, link).attribute32(routeAttributes.priority, lastMetric);
}

export function removeRoute(out: MessageWriter, route: Route): void {
  out.begin(deleteRoute, 0);
  describe(out, route);
}

/** A neighbour that is never asked for. */
export function addNeighbour(
  out: MessageWriter,
  index: number,
  neighbour: { readonly address: IpAddress; readonly mac: string },
): void {
  out.begin(newNeighbour, set);
  out.u8(families[neighbour.address.family]).u8(0).u16(0);
  out.u32(index).u16(permanentNeighbour).u8(0).u8(0);
  out.attributeBytes(neighbourAttributes.destination, addressBytes(neighbour.address));
  out.attributeBytes(neighbourAttributes.linkAddress, macBytes(neighbour.mac));
}

/** The network of one address. */
export function hostNetwork({ family, value }: IpAddress): IpNetwork {
  return { family, base: value, prefix: addressBits(family) };
}

/** Every address of a family. */
export function everywhere(family: 4 | 6): IpNetwork {
  return { family, base: 0n, prefix: 0 };
}

import { parseAddress, parseNetwork, type IpAddress } from '../base/ip.js';
import type { NetlinkBatch } from '../host/netlink.js';
import {
  containerLink,
  insideBase,
  routerLink,
  resolverAddress,
  slotBase,
  type EgressPolicy,
  type Endpoint,
  type Network,
} from '../model/network/network.js';
import {
  addMacvlan,
  addVeth,
  removeLink,
  setUp,
  withoutLinkLocal,
  type NewLink,
} from './netlink/links.js';
import { MessageWriter } from './netlink/message-writer.js';
import { addAddress, addNeighbour, addRoute, everywhere, hostNetwork } from './netlink/routes.js';
import { batchFor, bridgeIndex, nextHops, routerMac } from './router.js';

/** An endpoint and its network. */
export interface Place {
  readonly endpoint: Endpoint;
  readonly network: Network;
  /** Of the container. */
  readonly egress: EgressPolicy;
  /** Interface index of a macvlan's parent on the host; 0 for other drivers. */
  readonly parent: number;
}

export interface ConnectOptions {
  /** A link of an earlier run may still be there. */
  readonly again: boolean;
  /** False: the host's kernel has no IPv6. */
  readonly ipv6: boolean;
}

/** Messages that give a container its links, addresses and routes. */
export function connectBatches(
  places: readonly Place[],
  options: ConnectOptions,
): readonly NetlinkBatch[] {
  const routed = places.filter(({ network }) => network.driver !== 'macvlan');
  return [
    ...(options.again ? disconnectBatches(places) : []),
    ...batchFor('router', (out) => {
      for (const place of routed) writeRouterSide(out, place);
    }),
    ...batchFor('host', (out) => {
      for (const { network, endpoint, parent } of places) {
        if (network.driver === 'macvlan') addMacvlan(out, insideLink(endpoint, network), parent);
      }
    }),
    ...inContainer((out) => {
      for (const place of places) writeContainerSide(out, place, options);
    }),
  ];
}

/** Takes a container's links away, by their ends in the router. */
export function disconnectBatches(places: readonly Place[]): readonly NetlinkBatch[] {
  return batchFor(
    'router',
    (out) => {
      for (const { network, endpoint } of places) {
        if (network.driver !== 'macvlan') removeLink(out, slotBase + endpoint.slot);
      }
    },
    true,
  );
}

/** A macvlan has no other end: it is taken away inside. */
export function disconnectInside(places: readonly Place[]): readonly NetlinkBatch[] {
  return inContainer((out) => {
    for (const { network, endpoint } of places) {
      if (network.driver === 'macvlan') removeLink(out, insideBase + endpoint.index);
    }
  }, true);
}

function inContainer(
  write: (out: MessageWriter) => void,
  tolerant = false,
): readonly NetlinkBatch[] {
  const out = new MessageWriter();
  write(out);
  if (out.isEmpty) return [];
  return [{ protocol: 'route', place: 'container', path: '', tolerant, ...out.finish() }];
}

function insideLink(endpoint: Endpoint, network: Network): NewLink {
  return {
    name: containerLink(endpoint),
    index: insideBase + endpoint.index,
    mac: endpoint.mac,
    mtu: Number(network.options['mtu'] ?? 0),
  };
}

function addressesOf({ ipv4, ipv6 }: Endpoint): IpAddress[] {
  return [ipv4, ipv6].flatMap((text) => (text === null ? [] : (parseAddress(text) ?? [])));
}

function writeRouterSide(out: MessageWriter, { endpoint, network }: Place): void {
  const far = insideLink(endpoint, network);
  const index = slotBase + endpoint.slot;
  const near = { name: routerLink(endpoint), index, mac: routerMac, mtu: far.mtu };
  const isBridge = network.driver === 'bridge';
  addVeth(out, {
    near: isBridge ? { ...near, mac: portMac(endpoint) } : near,
    far,
    place: 'container',
    ...(isBridge ? { master: bridgeIndex(network) } : {}),
  });
  if (isBridge) return;
  for (const address of addressesOf(endpoint)) {
    addRoute(out, { to: hostNetwork(address), link: index });
    addNeighbour(out, index, { address, mac: endpoint.mac });
  }
}

/** Ports of a bridge have addresses of their own: a bridge takes packets for any of them for its own. */
function portMac({ slot }: Endpoint): string {
  const tail = [slot >>> 16, (slot >>> 8) & 255, slot & 255];
  return ['0a:57:01', ...tail.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

function writeContainerSide(
  out: MessageWriter,
  { endpoint, network }: Place,
  { ipv6 }: ConnectOptions,
): void {
  const index = insideBase + endpoint.index;
  if (ipv6) withoutLinkLocal(out, index);
  for (const address of addressesOf(endpoint)) {
    const prefix =
      network.driver === 'routed' ? hostNetwork(address).prefix : prefixOf(network, address);
    addAddress(out, index, { ...address, prefix });
  }
  setUp(out, index);
  for (const address of addressesOf(endpoint)) writeRoutes(out, { endpoint, network, address });
}

function prefixOf(network: Network, { family }: IpAddress): number {
  const subnet = network.subnets.find((each) => each.family === family);
  return parseNetwork(subnet?.subnet ?? '')?.prefix ?? 0;
}

interface Reach {
  readonly endpoint: Endpoint;
  readonly network: Network;
  readonly address: IpAddress;
}

/** The first network has the default route; the others, and an internal one, lead to their own subnet. */
function writeRoutes(out: MessageWriter, { endpoint, network, address }: Reach): void {
  const { family } = address;
  const link = insideBase + endpoint.index;
  const subnet = network.subnets.find((each) => each.family === family);
  const isDefault = endpoint.index === 0 && !network.internal;
  if (network.driver !== 'routed') {
    const via = parseAddress(subnet?.gateway ?? '');
    if (via === undefined) return;
    if (isDefault) addRoute(out, { to: everywhere(family), link, via });
    else if (network.driver === 'bridge') addResolverRoute(out, endpoint, via);
    return;
  }
  const via = nextHops.router[family];
  addNeighbour(out, link, { address: via, mac: routerMac });
  const own = parseNetwork(subnet?.subnet ?? '');
  if (isDefault) return addRoute(out, { to: everywhere(family), link, via });
  if (own !== undefined) addRoute(out, { to: own, link, via });
  addResolverRoute(out, endpoint, via);
}

/** The resolver is in the router: every link leads there. */
function addResolverRoute(out: MessageWriter, { index }: Endpoint, via: IpAddress): void {
  const to = parseNetwork(resolverAddress);
  if (to === undefined || via.family !== to.family) return;
  addRoute(out, { to, link: insideBase + index, via, priority: index + 1 });
}

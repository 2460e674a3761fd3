/**
 * The router: one network namespace per data root, pinned in the run dir, with a link of every container in it and one veth
 * pair to the host. It has no bridge and answers no ARP: every next hop is a permanent neighbour.
 */
import { createHash } from 'node:crypto';
import { parseAddress, parseNetwork, type IpAddress, type IpNetwork } from '../base/ip.js';
import type { NetlinkBatch } from '../host/netlink.js';
import {
  bridgeLink,
  resolverAddress,
  type Network,
  type NetworkSubnet,
} from '../model/network/network.js';
import {
  addBridge,
  addVeth,
  removeLink,
  routeLoopback,
  setUp,
  withoutLinkLocal,
} from './netlink/links.js';
import { MessageWriter } from './netlink/message-writer.js';
import {
  addAddress,
  addLoopbackRoute,
  addNeighbour,
  addRoute,
  everywhere,
  hostNetwork,
  removeAddress,
  removeRoute,
} from './netlink/routes.js';

/** Below the run dir. */
export const routerPath = 'net/router';

/** Of every link's end in the router. */
export const routerMac = '0a:57:00:00:00:01';
const hostMac = '0a:57:00:00:00:02';

const loopbackIndex = 1;
const uplinkIndex = 8;
/** Name of the router's link to the host. */
export const uplinkName = 'up0';
const bridgeBase = 64;

/**
 * Next hops: names for the two ends of a link, which nothing ever asks for. The router has its own as an address, to be the
 * sender of errors (too big, unreachable).
 */
export const nextHops: Readonly<Record<'router' | 'host', Readonly<Record<4 | 6, IpAddress>>>> = {
  router: { 4: address('169.254.1.1'), 6: address('fe80::1') },
  host: { 4: address('169.254.1.2'), 6: address('fe80::2') },
};

/** Set before the router has a link. Packets whose sender is not routed to where they come from are dropped. */
export const routerSysctls: readonly string[] = [
  'net.ipv4.ip_forward=1',
  'net.ipv4.conf.all.rp_filter=1',
  'net.ipv4.conf.default.rp_filter=1',
  'net.ipv4.conf.all.send_redirects=0',
  'net.ipv4.conf.default.send_redirects=0',
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv6.conf.default.forwarding=1',
  'net.ipv6.conf.default.accept_ra=0',
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv6.conf.default.addr_gen_mode=1',
  // What stays on a bridge is for the bridge's table: the router's would take it for something to forward.
  'net.bridge.bridge-nf-call-iptables=0',
  'net.bridge.bridge-nf-call-ip6tables=0',
  'net.bridge.bridge-nf-call-arptables=0',
];

/** The host's end of the pair: what it is called and its interface index, both made of the data root. */
export interface Uplink {
  readonly name: string;
  readonly index: number;
}

/** High indices are nobody's: the kernel counts from 1. */
const uplinkBase = 0x2000_0000;

export function uplinkOf(dataRoot: string): Uplink {
  const digest = createHash('sha256').update(dataRoot).digest();
  return {
    name: `wrn${digest.toString('hex', 0, 5)}`,
    index: uplinkBase + digest.readUIntBE(5, 3),
  };
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

function parsedSubnet({ subnet }: NetworkSubnet): IpNetwork {
  const network = parseNetwork(subnet);
  if (network === undefined) throw new Error(`Stored subnet ${subnet} is none`);
  return network;
}

/** What is written by `write`, as a batch for the router or the host. */
export function batchFor(
  place: 'router' | 'host',
  write: (out: MessageWriter) => void,
  tolerant = false,
): readonly NetlinkBatch[] {
  const out = new MessageWriter();
  write(out);
  if (out.isEmpty) return [];
  const isRouter = place === 'router';
  return [
    {
      protocol: 'route',
      place: isRouter ? 'run-dir' : 'host',
      path: isRouter ? routerPath : '',
      tolerant,
      ...out.finish(),
    },
  ];
}

/** A link of an earlier router that is still on its way out would be in the way of the new one. */
export function removeUplink(uplink: Uplink): readonly NetlinkBatch[] {
  return batchFor('host', (out) => removeLink(out, uplink.index), true);
}

/**
 * Joins a pinned namespace with the host; harmless when it is.
 * @param host.hostPid a process in the host's network namespace
 */
export function joinRouter(
  uplink: Uplink,
  { hostPid, ipv6 }: { readonly hostPid: number; readonly ipv6: boolean },
): readonly NetlinkBatch[] {
  return [
    ...batchFor(
      'router',
      (out) => {
        addVeth(out, {
          near: { name: uplinkName, index: uplinkIndex, mac: routerMac, mtu: 0 },
          far: { ...uplink, mac: hostMac, mtu: 0 },
          place: { pid: hostPid },
        });
      },
      true,
    ),
    ...batchFor('router', (out) => {
      setUp(out, loopbackIndex);
      addAddress(out, loopbackIndex, { ...nextHops.router[4], prefix: 32 });
      addAddress(out, loopbackIndex, { ...address(resolverAddress), prefix: 32 });
      addNeighbour(out, uplinkIndex, { address: nextHops.host[4], mac: hostMac });
      addRoute(out, { to: everywhere(4), link: uplinkIndex, via: nextHops.host[4] });
    }),
    ...batchFor('host', (out) => {
      if (ipv6) withoutLinkLocal(out, uplink.index);
      setUp(out, uplink.index);
      addNeighbour(out, uplink.index, { address: nextHops.router[4], mac: routerMac });
    }),
  ];
}

/** Lets published ports answer on 127.0.0.1 and ::1. Only with the host's table: it keeps containers from what listens there. */
export function openLoopback(uplink: Uplink, ipv6: boolean): readonly NetlinkBatch[] {
  return batchFor('host', (out) => {
    routeLoopback(out, uplink.index);
    if (ipv6) addLoopbackRoute(out, uplink.index);
  });
}

/** Makes the pinned router know a network, and the host the way to it; harmless when they do. */
export function joinNetwork(network: Network, uplink: Uplink): readonly NetlinkBatch[] {
  if (network.driver === 'macvlan') return [];
  return [
    ...batchFor('router', (out) => writeBridge(out, network), true),
    ...batchFor('router', (out) => {
      for (const subnet of network.subnets) {
        writeInRouter(out, network, subnet);
      }
    }),
    ...batchFor('host', (out) => {
      for (const subnet of network.subnets) writeOnHost(out, { network, subnet, uplink });
    }),
  ];
}

export function bridgeIndex({ number }: Pick<Network, 'number'>): number {
  return bridgeBase + number;
}

/** Gateways are unique, and so are the addresses of their bridges made of them. */
function writeBridge(out: MessageWriter, network: Network): void {
  if (network.driver !== 'bridge') return;
  const tail = [network.number >>> 8, network.number & 255];
  const mac = ['0a:57:00:01', ...tail.map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
  addBridge(out, { name: bridgeLink(network), index: bridgeIndex(network), mac, mtu: 0 });
}

function writeInRouter(out: MessageWriter, network: Network, subnet: NetworkSubnet): void {
  const { family } = subnet;
  const to = parsedSubnet(subnet);
  if (family === 6) {
    addNeighbour(out, uplinkIndex, { address: nextHops.host[6], mac: hostMac });
    addRoute(out, { to: everywhere(6), link: uplinkIndex, via: nextHops.host[6] });
  }
  const gateway = address(subnet.gateway);
  if (network.driver === 'bridge') {
    addAddress(out, bridgeIndex(network), { ...gateway, prefix: to.prefix });
    return;
  }
  // What no container has goes nowhere: by the default route it would come back from the host.
  addRoute(out, { to });
  addRoute(out, { to: hostNetwork(gateway), link: uplinkIndex, via: nextHops.host[family] });
}

interface OnHost {
  readonly network: Network;
  readonly subnet: NetworkSubnet;
  readonly uplink: Uplink;
}

function writeOnHost(out: MessageWriter, { network, subnet, uplink }: OnHost): void {
  const { family } = subnet;
  const gateway = address(subnet.gateway);
  if (family === 6)
    addNeighbour(out, uplink.index, { address: nextHops.router[6], mac: routerMac });
  const route = { to: parsedSubnet(subnet), link: uplink.index, via: nextHops.router[family] };
  if (network.driver === 'bridge') return addRoute(out, route);
  addAddress(out, uplink.index, { ...gateway, prefix: hostNetwork(gateway).prefix });
  addRoute(out, { ...route, source: gateway });
}

/** Takes a network out of the router and the host's routes. */
export function leaveNetwork(network: Network, uplink: Uplink): readonly NetlinkBatch[] {
  if (network.driver === 'macvlan') return [];
  return [
    ...batchFor(
      'host',
      (out) => {
        for (const subnet of network.subnets) {
          const gateway = address(subnet.gateway);
          removeRoute(out, {
            to: parsedSubnet(subnet),
            link: uplink.index,
            via: nextHops.router[subnet.family],
          });
          if (network.driver !== 'bridge') removeAddress(out, uplink.index, gateway);
        }
      },
      true,
    ),
    ...batchFor(
      'router',
      (out) => {
        if (network.driver === 'bridge') return removeLink(out, bridgeIndex(network));
        for (const subnet of network.subnets) {
          const gateway = hostNetwork(address(subnet.gateway));
          removeRoute(out, { to: parsedSubnet(subnet) });
          removeRoute(out, { to: gateway, link: uplinkIndex, via: nextHops.host[subnet.family] });
        }
      },
      true,
    ),
  ];
}

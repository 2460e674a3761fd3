/**
 * Networks as they are stored, and what a container has of them. `network/` compiles these into netlink messages;
 * nothing here does I/O.
 *
 * Every network lives in the *router*, one network namespace per data root that is pinned in the run dir and joined to the
 * host by one veth pair. A container's link is a veth pair: one end in the container (`eth0`, …), the other in the router.
 */

export type NetworkId = string & { readonly __brand: 'NetworkId' };

/** `routed`: one address and one route per container, no layer 2. `bridge`: a bridge in the router. `macvlan`: on a link of the host. */
export type NetworkDriver = 'routed' | 'bridge' | 'macvlan';

/** Made when the first container asks for it. */
export const defaultNetworkName = 'default';

export interface NetworkSubnet {
  readonly family: 4 | 6;
  /** CIDR, host bits zero: `10.208.0.0/16`, `fd57::/64`. */
  readonly subnet: string;
  /** Address of the host in it. With macvlan that of the router outside. */
  readonly gateway: string;
  /** CIDR within the subnet that addresses are given from; null: all of it. */
  readonly range: string | null;
}

/** A stored network. At most one subnet of each family, IPv4 first. */
export interface Network {
  readonly id: NetworkId;
  readonly name: string;
  /** Unique among the data root's networks and small: names of links, marks and set elements are made of it. */
  readonly number: number;
  readonly driver: NetworkDriver;
  readonly createdAtMs: number;
  readonly subnets: readonly NetworkSubnet[];
  /** No way out of it and none in, but between its containers and from the host. */
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** `parent` of macvlan, `mtu`. */
  readonly options: Readonly<Record<string, string>>;
}

/** What a network is asked for. */
export interface NetworkConfig {
  readonly name: string;
  /** @default 'routed' */
  readonly driver?: NetworkDriver;
  /** CIDR; at most one of each family. @default one of the pool, of IPv6 as well with `ipv6` */
  readonly subnets?: readonly string[];
  /** At most one of each family. @default the first address of the subnet */
  readonly gateways?: readonly string[];
  /** CIDR that addresses are given from. @default the whole subnet */
  readonly ranges?: readonly string[];
  /** @default false */
  readonly ipv6?: boolean;
  /** @default false */
  readonly internal?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
}

/** What a user asks for on one network: `--network NAME --ip …`, or `network connect`. */
export interface NetworkAttachment {
  /** Name or id of a network. */
  readonly network: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  /** Other names of the container on this network. */
  readonly aliases?: readonly string[];
  /** `--link`: other containers under another name. */
  readonly links?: readonly ContainerLink[];
}

export interface ContainerLink {
  readonly container: string;
  readonly alias: string;
}

/** A container's place on a network: allocated with its record and kept until it is removed or disconnected. */
export interface Endpoint {
  readonly network: NetworkId;
  /** Unique among all endpoints of the data root: the router's link is `c<slot>` with interface index `slotBase + slot`. */
  readonly slot: number;
  /** Index of the link inside: `eth<index>`. The one with index 0 has the default route. */
  readonly index: number;
  /** Without prefix length; null: the network has no subnet of that family. */
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** `0a:57:…` */
  readonly mac: string;
  readonly aliases: readonly string[];
  readonly links: readonly ContainerLink[];
}

/** True when `--network` names a network, not a mode of its own. */
export function isNetworkName(mode: string): boolean {
  return mode !== 'none' && mode !== 'host' && !mode.startsWith('container:');
}

/** Interface index in the router of slot 0; below are the router's own links. */
export const slotBase = 4096;

/** Slots that there are. */
export const slotCount: number = 1 << 20;

/** Interface index in the router of the link that limits what comes out of slot 0. */
export const shaperBase = 0x0100_0000;

/** Where the resolver answers, in the router. */
export const resolverAddress = '169.254.1.53';

/** Interface index inside a container of `eth0`. */
export const insideBase = 16;

/** Name of an endpoint's link in the router. */
export function routerLink({ slot }: Pick<Endpoint, 'slot'>): string {
  return `c${slot}`;
}

/** Name of the router's link that limits what comes out of an endpoint. */
export function shaperLink({ slot }: Pick<Endpoint, 'slot'>): string {
  return `r${slot}`;
}

/** Name of an endpoint's link in the container. */
export function containerLink({ index }: Pick<Endpoint, 'index'>): string {
  return `eth${index}`;
}

/** Name of a bridge network's link in the router. */
export function bridgeLink({ number }: Pick<Network, 'number'>): string {
  return `br${number}`;
}

export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

/** A port that is asked to be published (`-p`). */
export interface PortMapping {
  readonly protocol: TransportProtocol;
  /** Empty: every address of the host, 127.0.0.1 and ::1 included. */
  readonly hostIp: string;
  /** 0: a free one. */
  readonly hostPort: number;
  /** Last of the range that a free one is taken from; equal to `hostPort` without a range. */
  readonly hostPortEnd: number;
  readonly containerPort: number;
}

/** A published port: as asked for, with the port that was given. The container holds it while it runs. */
export interface PublishedPort {
  readonly protocol: TransportProtocol;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** A port and its protocol: `--expose`, and the image's. */
export interface ExposedPort {
  readonly protocol: TransportProtocol;
  readonly port: number;
}

/** Limits of each of a container's links; 0: none. In: towards the container. */
export interface NetworkRates {
  readonly inBytesPerSecond: number;
  /** What may pass at once after a pause; 0: what passes in a 20th of a second, at least 80 KiB. */
  readonly inBurstBytes: number;
  readonly outBytesPerSecond: number;
  /** As `inBurstBytes`. */
  readonly outBurstBytes: number;
}

/** One destination that a container may reach. */
export interface EgressRule {
  readonly kind: 'host' | 'cidr';
  /** A name, `*.name`, an address or a CIDR. */
  readonly value: string;
  /** 0: every port. */
  readonly port: number;
}

export interface EgressPolicy {
  readonly policy: 'allow' | 'deny';
  /** With `deny`: what is allowed all the same. */
  readonly allow: readonly EgressRule[];
  /** Counted by `update`: what an earlier policy let pass is none of a later one's. @default 0 */
  readonly revision?: number;
}

/** What a container's spec says of its networks, beside `network` itself. */
export interface NetworkSettings {
  /** Of `--network`; the first belongs to the spec's `network`. Empty with none, host and `container:`. */
  readonly attachments: readonly NetworkAttachment[];
  readonly publish: readonly PortMapping[];
  /** `-P`: every exposed port, each on a free port of the host. */
  readonly publishAll: boolean;
  /** With the image's. */
  readonly expose: readonly ExposedPort[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly rates: NetworkRates;
  readonly egress: EgressPolicy;
}

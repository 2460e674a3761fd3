import type {
  ContainerLink,
  EgressPolicy,
  ExposedPort,
  NetworkAttachment,
  PortMapping,
} from '../../model/network/network.js';
import {
  parseIPv4,
  parseIPv6,
  parseLink,
  parseMac,
  parseNetworkFlag,
  parseServer,
} from '../parse/network.js';
import { parseEgress } from '../parse/egress.js';
import { parseExposed, parsePublish } from '../parse/ports.js';
import { parseSize } from '../parse/value/size.js';
import { asText, flag, list, value, type TableFor } from '../program/option.js';

/** Bandwidth: of `run` and `create`, and of `update` while a container runs. */
export interface RateFlags {
  readonly netRateIn: number | undefined;
  readonly netRateOut: number | undefined;
  readonly netBurstIn: number | undefined;
  readonly netBurstOut: number | undefined;
}

/** Egress rules: the same. */
export interface EgressFlags {
  readonly egress: readonly EgressPolicy[];
}

/** Networks and names. */
export interface NetworkFlags extends RateFlags, EgressFlags {
  readonly network: readonly NetworkAttachment[];
  readonly ip: string | undefined;
  readonly ip6: string | undefined;
  readonly macAddress: string | undefined;
  readonly networkAlias: readonly string[];
  readonly link: readonly ContainerLink[];
  readonly publish: readonly (readonly PortMapping[])[];
  readonly publishAll: boolean;
  readonly expose: readonly (readonly ExposedPort[])[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOption: readonly string[];
}

const group = 'Network';

export const rateOptions: TableFor<RateFlags> = {
  netRateIn: value('--net-rate-in <size>', 'Most bytes in a second to the container; 0: no limit', {
    group,
    parse: parseSize,
  }),
  netRateOut: value(
    '--net-rate-out <size>',
    'Most bytes in a second from the container; 0: no limit',
    { group, parse: parseSize },
  ),
  netBurstIn: value(
    '--net-burst-in <size>',
    'Bytes to the container that may come at once after a pause; 0: 50 ms of the rate, at least 80k',
    { group, parse: parseSize },
  ),
  netBurstOut: value('--net-burst-out <size>', 'The same from the container', {
    group,
    parse: parseSize,
  }),
};

export const egressOptions: TableFor<EgressFlags> = {
  egress: list(
    '--egress <policy>',
    'deny: it reaches nothing; allow=NAME:PORT,CIDR,…: nothing else (default: allow)',
    { group, parse: parseEgress },
  ),
};

export const networkOptions: TableFor<NetworkFlags> = {
  network: list(
    '--network <network>',
    'A network, or none (only lo), host, container:NAME; with name=NAME,alias=…,ip=… for more',
    {
      group,
      aliases: ['--net'],
      defaultText: 'default',
      parse: parseNetworkFlag,
      complete: 'network',
    },
  ),
  ip: value('--ip <address>', 'IPv4 address on the first network', { group, parse: parseIPv4 }),
  ip6: value('--ip6 <address>', 'IPv6 address on the first network', { group, parse: parseIPv6 }),
  macAddress: value('--mac-address <address>', 'MAC address on the first network', {
    group,
    parse: parseMac,
  }),
  networkAlias: list('--network-alias <name>', 'Another name of it on the first network', {
    group,
    aliases: ['--net-alias'],
    parse: asText,
  }),
  link: list('--link <container:alias>', 'Another name for a container of the first network', {
    group,
    parse: parseLink,
  }),
  publish: list(
    '-p, --publish <port>',
    'Publish a port on the host: [[IP:]HOSTPORT:]PORT[/udp]; ports may be ranges',
    { group, parse: parsePublish },
  ),
  publishAll: flag('-P, --publish-all', 'Publish each exposed port on a free port of the host', {
    group,
  }),
  expose: list('--expose <port>', 'A port, or a range of them, that it serves', {
    group,
    parse: parseExposed,
  }),
  dns: list('--dns <address>', 'Name server', { group, parse: parseServer }),
  dnsSearch: list('--dns-search <domain>', 'Domain in which names without one are looked up', {
    group,
    parse: asText,
  }),
  dnsOption: list('--dns-option <option>', 'Option of resolv.conf', {
    group,
    aliases: ['--dns-opt'],
    parse: asText,
  }),
  ...egressOptions,
  ...rateOptions,
};

import type {
  ContainerLink,
  ExposedPort,
  NetworkAttachment,
  PortMapping,
} from '../../model/network.js';
import {
  parseIPv4,
  parseIPv6,
  parseLink,
  parseMac,
  parseNetworkFlag,
  parseServer,
} from '../parse/network.js';
import { parseExposed, parsePublish } from '../parse/ports.js';
import { asText, flag, list, value, type TableFor } from '../program/option.js';

/** Networks and names. */
export interface NetworkFlags {
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

export const networkOptions: TableFor<NetworkFlags> = {
  network: list(
    '--network <network>',
    'A network, or none (only lo), host, container:NAME; with name=NAME,alias=…,ip=… for more',
    { group, parse: parseNetworkFlag, complete: 'network' },
  ),
  ip: value('--ip <address>', 'IPv4 address on the first network', { group, parse: parseIPv4 }),
  ip6: value('--ip6 <address>', 'IPv6 address on the first network', { group, parse: parseIPv6 }),
  macAddress: value('--mac-address <address>', 'MAC address on the first network', {
    group,
    parse: parseMac,
  }),
  networkAlias: list('--network-alias <name>', 'Another name of it on the first network', {
    group,
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
  dnsOption: list('--dns-option <option>', 'Option of resolv.conf', { group, parse: asText }),
};

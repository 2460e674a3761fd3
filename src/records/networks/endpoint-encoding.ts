import type {
  ContainerLink,
  Endpoint,
  NetworkId,
  PublishedPort,
} from '../../model/network/network.js';

type PackedEndpoint = [
  NetworkId,
  number,
  number,
  string | null,
  string | null,
  string,
  readonly string[] | null,
  readonly ContainerLink[] | null,
];
type PackedPort = [PublishedPort['protocol'], string, number, number];

const none: readonly [] = Object.freeze([]);

/** Lists without field names: a record of thousands is small. */
export function packEndpoints(endpoints: readonly Endpoint[]): readonly PackedEndpoint[] | null {
  if (endpoints.length === 0) return null;
  return endpoints.map(({ network, slot, index, ipv4, ipv6, mac, aliases, links }) => [
    network,
    slot,
    index,
    ipv4,
    ipv6,
    mac,
    aliases.length === 0 ? null : aliases,
    links.length === 0 ? null : links,
  ]);
}

export function unpackEndpoints(packed: unknown): readonly Endpoint[] {
  if (packed === null || packed === undefined) return none;
  return (packed as PackedEndpoint[]).map(
    ([network, slot, index, ipv4, ipv6, mac, aliases, links]) => ({
      network,
      slot,
      index,
      ipv4,
      ipv6,
      mac,
      aliases: aliases ?? none,
      links: links ?? none,
    }),
  );
}

export function packPorts(ports: readonly PublishedPort[]): readonly PackedPort[] | null {
  if (ports.length === 0) return null;
  return ports.map(({ protocol, hostIp, hostPort, containerPort }) => [
    protocol,
    hostIp,
    hostPort,
    containerPort,
  ]);
}

export function unpackPorts(packed: unknown): readonly PublishedPort[] {
  if (packed === null || packed === undefined) return none;
  return (packed as PackedPort[]).map(([protocol, hostIp, hostPort, containerPort]) => ({
    protocol,
    hostIp,
    hostPort,
    containerPort,
  }));
}

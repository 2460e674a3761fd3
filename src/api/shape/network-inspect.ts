import { parseNetwork } from '../../base/ip.js';
import type { ContainerRecord } from '../../model/container.js';
import type { Endpoint, Network } from '../../model/network/network.js';
import { dockerTime } from './time.js';

function withPrefix(network: Network, family: 4 | 6, address: string | null): string {
  return address === null ? '' : `${address}/${prefixLength(network, family)}`;
}

/** Length of the prefix of the network's subnet; 0 without one. */
export function prefixLength(network: Network, family: 4 | 6): number {
  const subnet = network.subnets.find((each) => each.family === family);
  return parseNetwork(subnet?.subnet ?? '')?.prefix ?? 0;
}

function member(network: Network, record: ContainerRecord, endpoint: Endpoint): object {
  return {
    Name: record.name,
    EndpointID: endpointId(endpoint),
    MacAddress: endpoint.mac,
    IPv4Address: withPrefix(network, 4, endpoint.ipv4),
    IPv6Address: withPrefix(network, 6, endpoint.ipv6),
  };
}

/** One that stays with the endpoint: Docker's are random. */
export function endpointId({ network, slot }: Endpoint): string {
  return `${network.slice(0, 56)}${slot.toString(16).padStart(8, '0')}`;
}

/** A network as Docker's inspect shows it, with the containers that have an endpoint in it. */
export function networkDocument(network: Network, containers: readonly ContainerRecord[]): object {
  const members = containers.flatMap((record) =>
    record.endpoints
      .filter((endpoint) => endpoint.network === network.id)
      .map((endpoint) => [record.id, member(network, record, endpoint)] as const),
  );
  return {
    Name: network.name,
    Id: network.id,
    Created: dockerTime(network.createdAtMs),
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.subnets.some(({ family }) => family === 4),
    EnableIPv6: network.subnets.some(({ family }) => family === 6),
    IPAM: {
      Driver: 'default',
      Options: {},
      Config: network.subnets.map(({ subnet, gateway, range }) => ({
        Subnet: subnet,
        Gateway: gateway,
        ...(range === null ? {} : { IPRange: range }),
      })),
    },
    Internal: network.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(members),
    Options: network.options,
    Labels: network.labels,
  };
}

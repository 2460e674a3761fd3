import type { ContainerRecord } from '../container.js';
import type { PublishedPort } from './network.js';

/** A published port on one address, as lists show it. */
export interface PortBinding {
  /** `0.0.0.0` and `::` are every address of a family. */
  readonly address: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: PublishedPort['protocol'];
}

/** Where a container's ports answer: on every address of the families that it has, unless one was named. */
export function portBindings({
  ports,
  endpoints,
}: Pick<ContainerRecord, 'ports' | 'endpoints'>): readonly PortBinding[] {
  const families = [
    ...(endpoints.some(({ ipv4 }) => ipv4 !== null) ? ['0.0.0.0'] : []),
    ...(endpoints.some(({ ipv6 }) => ipv6 !== null) ? ['::'] : []),
  ];
  return ports.flatMap(({ hostIp, hostPort, containerPort, protocol }) =>
    (hostIp === '' || hostIp === '::' ? families : [hostIp]).map((address) => ({
      address,
      hostPort,
      containerPort,
      protocol,
    })),
  );
}

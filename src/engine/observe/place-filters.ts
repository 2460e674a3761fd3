import { WarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';

interface Port {
  readonly port: number;
  readonly protocol: string;
}

/**
 * Whether a container is on a network, by its name, the beginning of its id, or what is no network: `none`, `host`. One that was
 * connected later counts, one that was disconnected does not.
 */
export function isOnNetwork(
  { records }: Pick<EngineContext, 'records'>,
  { spec, endpoints }: ContainerRecord,
  wanted: string,
): boolean {
  const ids = records.networks
    .list()
    .filter(({ id, name }) => name === wanted || id.startsWith(wanted))
    .map(({ id }) => id);
  if (ids.length === 0) return spec.network === wanted;
  return endpoints.some(({ network }) => ids.includes(network));
}

/** Ports of the host at which a container answers. */
export function isPublishedAt({ ports }: ContainerRecord, wanted: string): boolean {
  const fits = portTest(wanted);
  return ports.some(({ hostPort, protocol }) => fits({ port: hostPort, protocol }));
}

/** Ports inside, published or not. */
export function isExposed({ ports, spec }: ContainerRecord, wanted: string): boolean {
  const fits = portTest(wanted);
  return (
    spec.networking.expose.some(fits) ||
    ports.some(({ containerPort, protocol }) => fits({ port: containerPort, protocol }))
  );
}

/** `80`, `80/udp`, `8000-8010/tcp` */
function portTest(text: string): (port: Port) => boolean {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) {
    throw new WarrenError('invalidArgument', 'INVALID_FILTER', `Invalid port ${text} in a filter`, {
      hint: 'Write it as 80, 80/udp or 8000-8010/tcp',
    });
  }
  const [, first = '', last = first, wanted = 'tcp'] = match;
  return ({ port, protocol }) =>
    protocol === wanted && port >= Number(first) && port <= Number(last);
}

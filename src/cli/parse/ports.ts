import { isIP } from 'node:net';
import type { ExposedPort, PortMapping, TransportProtocol } from '../../model/network/network.js';
import { BadValue } from './value/bad-value.js';

const lastPort = 65_535;

interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** `80`, `8000-8010` */
function rangeOf(text: string): PortRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  return match === null || first < 1 || last < first || last > lastPort
    ? undefined
    : { first, last };
}

function withProtocol(text: string, what: string): [string, TransportProtocol] {
  const [port = '', protocol = 'tcp', ...rest] = text.split('/');
  const lower = protocol.toLowerCase();
  if (rest.length > 0 || !/^(tcp|udp|sctp)$/.test(lower))
    throw new BadValue(`${what} ends in /tcp, /udp or /sctp, if at all`, '53:53/udp');
  return [port, lower as TransportProtocol];
}

/** `--expose 80`, `8000-8010/udp` */
export function parseExposed(text: string): readonly ExposedPort[] {
  const [ports, protocol] = withProtocol(text, 'a port');
  const range = rangeOf(ports);
  if (range === undefined)
    throw new BadValue('it must be a port or a range of ports', '8000-8010/udp');
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => ({
    protocol,
    port: range.first + index,
  }));
}

/** `80`, `80/udp` */
export function parsePort(text: string): ExposedPort {
  const [port, ...more] = parseExposed(text);
  if (port === undefined || more.length > 0) throw new BadValue('it must be one port', '80/tcp');
  return port;
}

const publishForm = 'it must be [[IP:]HOSTPORT:]PORT[/PROTOCOL]';
const publishExample = '127.0.0.1:8080:80';

/** Splits at the colons that are not part of an IPv6 address: `[::1]:8080:80`. */
function partsOf(text: string): {
  readonly ip: string;
  readonly host: string;
  readonly inside: string;
} {
  const bracketed = /^\[([^\]]+)\]:(.*)$/.exec(text);
  const rest = (bracketed?.[2] ?? text).split(':');
  const inside = rest.pop() ?? '';
  const host = rest.pop() ?? '';
  // An address without brackets is all that is left, its own colons with it.
  const ip = bracketed?.[1] ?? rest.join(':');
  if (bracketed !== null && rest.length > 0) throw new BadValue(publishForm, publishExample);
  if (ip !== '' && isIP(ip) === 0)
    throw new BadValue(`"${ip}" is not an address of the host`, publishExample);
  return { ip, host, inside };
}

/** `-p`: `80`, `8080:80`, `127.0.0.1::80`, `8000-8010:80/udp`, `[::1]:8000-8001:80-81`. */
export function parsePublish(text: string): readonly PortMapping[] {
  const [ports, protocol] = withProtocol(text, 'it');
  const { ip, host, inside } = partsOf(ports);
  const containerRange = rangeOf(inside);
  const hostRange = host === '' ? { first: 0, last: 0 } : rangeOf(host);
  if (containerRange === undefined || hostRange === undefined)
    throw new BadValue(publishForm, publishExample);
  const count = containerRange.last - containerRange.first + 1;
  const isOneToOne = count === hostRange.last - hostRange.first + 1;
  if (host !== '' && count > 1 && !isOneToOne)
    throw new BadValue('both ranges must have the same number of ports', '8000-8001:80-81');
  return Array.from({ length: count }, (_, index) => {
    const hostPort = host !== '' && isOneToOne ? hostRange.first + index : hostRange.first;
    return {
      protocol,
      hostIp: ip,
      hostPort,
      hostPortEnd: isOneToOne ? hostPort : hostRange.last,
      containerPort: containerRange.first + index,
    };
  });
}

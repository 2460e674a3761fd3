import { isIPv4, isIPv6 } from 'node:net';
import type { ContainerLink, NetworkAttachment } from '../../model/network/network.js';
import { BadValue } from './value/bad-value.js';
import { commaFields } from './value/comma-fields.js';

/** `--ip` */
export function parseIPv4(text: string): string {
  if (!isIPv4(text)) throw new BadValue('it must be an IPv4 address', '10.5.0.7');
  return text;
}

/** `--ip6` */
export function parseIPv6(text: string): string {
  if (!isIPv6(text)) throw new BadValue('it must be an IPv6 address', 'fd00::7');
  return text;
}

/** `--dns` */
export function parseServer(text: string): string {
  if (!isIPv4(text) && !isIPv6(text)) throw new BadValue('it must be an address', '10.5.0.53');
  return text;
}

/** `--mac-address`: of one station, not of a group. */
export function parseMac(text: string): string {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (!/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(mac))
    throw new BadValue('it must be the address of one station', '0a:57:00:00:00:07');
  return mac;
}

/** `--link CONTAINER[:ALIAS]` */
export function parseLink(text: string): ContainerLink {
  const [container = '', alias = container, ...rest] = text.split(':');
  if (container === '' || alias === '' || rest.length > 0)
    throw new BadValue('it must be a container and another name for it', 'db:database');
  return { container, alias };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** `--network NAME`, or `name=NAME,alias=db,ip=10.5.0.7,ip6=…,mac-address=…`. */
export function parseNetworkFlag(text: string): NetworkAttachment {
  if (text === '') throw new BadValue('the name is empty', 'back');
  if (!text.includes('=')) return { network: text };
  const attachment: Writable<NetworkAttachment> = { network: '' };
  for (const field of commaFields(text)) {
    const equals = field.indexOf('=');
    const value = field.slice(equals + 1);
    switch (equals < 0 ? '' : field.slice(0, equals)) {
      case 'name':
        attachment.network = value;
        break;
      case 'alias':
        attachment.aliases = [...(attachment.aliases ?? []), value];
        break;
      case 'ip':
        attachment.ipv4 = parseIPv4(value);
        break;
      case 'ip6':
        attachment.ipv6 = parseIPv6(value);
        break;
      case 'mac-address':
        attachment.mac = parseMac(value);
        break;
      default:
        throw new BadValue(
          `its fields are name, alias, ip, ip6 and mac-address, not "${field}"`,
          'name=back,alias=db',
        );
    }
  }
  if (attachment.network === '') throw new BadValue('the field name is missing', 'name=back');
  return attachment;
}

import { readFileSync } from 'node:fs';
import { errnoOf } from '../base/errors.js';
import type { IpNetwork } from '../base/ip.js';

/** What is reachable from this host otherwise than by its default routes: `/proc/net/route` and `ipv6_route`. */
export function hostRoutes(): readonly IpNetwork[] {
  return [...routes4(linesOf('/proc/net/route')), ...routes6(linesOf('/proc/net/ipv6_route'))];
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Destination and mask as the machine has them in memory: the bytes turned round. */
function routes4(lines: readonly string[]): IpNetwork[] {
  return lines.slice(1).flatMap((line) => {
    const [, destination = '', , , , , , mask = ''] = line.split('\t');
    const prefix = bitsOf(turned(mask));
    return prefix === 0 ? [] : [{ family: 4 as const, base: BigInt(turned(destination)), prefix }];
  });
}

function turned(hex: string): number {
  return Buffer.from(hex.trim(), 'hex').readUInt32LE(0);
}

function bitsOf(mask: number): number {
  return mask.toString(2).replaceAll('0', '').length;
}

const localLink = 'lo';
const multicast = 0xffn << 120n;
const linkLocal = 0xfe80n << 112n;

function routes6(lines: readonly string[]): IpNetwork[] {
  return lines.flatMap((line) => {
    const [destination = '', length = ''] = line.split(/\s+/);
    const prefix = Number.parseInt(length, 16);
    const base = BigInt(`0x${destination || '0'}`);
    const isOwn =
      line.trimEnd().endsWith(localLink) || base >= multicast || base >> 112n === linkLocal >> 112n;
    return prefix === 0 || Number.isNaN(prefix) || isOwn
      ? []
      : [{ family: 6 as const, base, prefix }];
  });
}

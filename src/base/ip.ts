/** IP addresses and networks as numbers. */
import { isIPv4, isIPv6 } from 'node:net';

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface IpNetwork {
  readonly family: 4 | 6;
  /** The first address. */
  readonly base: bigint;
  /** Length of the prefix in bits. */
  readonly prefix: number;
}

const groupBits = 16n;
const groupMask = 0xffffn;

export function addressBits(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** undefined when it is no address; a zone (`%eth0`) is none. */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 4, value: valueOfIPv4(text) };
  if (isIPv6(text) && !text.includes('%')) return { family: 6, value: valueOfIPv6(text) };
  return undefined;
}

/** Address and prefix length; host bits are cleared. undefined when it is none. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const { family } = address;
  const length = slash < 0 ? String(addressBits(family)) : text.slice(slash + 1);
  const prefix = Number(length);
  if (!/^\d{1,3}$/.test(length) || prefix > addressBits(family)) return undefined;
  return { family, base: address.value & ~hostMask(family, prefix), prefix };
}

/** In the shortest common form: `10.0.0.1`, `fd00::1`. */
export function formatAddress({ family, value }: IpAddress): string {
  return family === 4 ? formatIPv4(Number(value)) : formatIPv6(value);
}

export function formatNetwork({ family, base, prefix }: IpNetwork): string {
  return `${formatAddress({ family, value: base })}/${prefix}`;
}

/** 4 or 16 bytes in network order. */
export function addressBytes({ family, value }: IpAddress): Buffer {
  return Buffer.from(value.toString(16).padStart(addressBits(family) / 4, '0'), 'hex');
}

/** How many addresses a network has. */
export function networkSize({ family, prefix }: IpNetwork): bigint {
  return 1n << BigInt(addressBits(family) - prefix);
}

export function networkContains(network: IpNetwork, address: IpAddress): boolean {
  return (
    network.family === address.family &&
    (address.value & ~hostMask(network.family, network.prefix)) === network.base
  );
}

export function networksOverlap(a: IpNetwork, b: IpNetwork): boolean {
  return (
    a.family === b.family &&
    (networkContains(a, { family: b.family, value: b.base }) ||
      networkContains(b, { family: a.family, value: a.base }))
  );
}

function hostMask(family: 4 | 6, prefix: number): bigint {
  return (1n << BigInt(addressBits(family) - prefix)) - 1n;
}

function valueOfIPv4(text: string): bigint {
  return BigInt(text.split('.').reduce((value, part) => value * 256 + Number(part), 0));
}

function formatIPv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

function groupsOf(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const value = valueOfIPv4(group);
    return [value >> groupBits, value & groupMask];
  });
}

function valueOfIPv6(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const middle = new Array<bigint>(8 - left.length - right.length).fill(0n);
  return [...left, ...middle, ...right].reduce((value, group) => (value << groupBits) | group, 0n);
}

/** The longest run of two zero groups or more becomes `::` (RFC 5952). */
function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> (groupBits * BigInt(7 - index))) & groupMask).toString(16),
  );
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.start < 0) return groups.join(':');
  const head = groups.slice(0, best.start).join(':');
  return `${head}::${groups.slice(best.start + best.length).join(':')}`;
}

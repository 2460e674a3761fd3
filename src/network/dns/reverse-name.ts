import { formatAddress, parseAddress } from '../../base/ip.js';

const suffix4 = '.in-addr.arpa';
const suffix6 = '.ip6.arpa';

/** The address that a PTR question is about; undefined: it is about none. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith(suffix4)) {
    const parts = name.slice(0, -suffix4.length).split('.');
    if (parts.length !== 4) return undefined;
    const address = parseAddress(parts.reverse().join('.'));
    return address === undefined ? undefined : formatAddress(address);
  }
  if (!name.endsWith(suffix6)) return undefined;
  const nibbles = name.slice(0, -suffix6.length).split('.');
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble))) {
    return undefined;
  }
  return formatAddress({ family: 6, value: BigInt(`0x${nibbles.reverse().join('')}`) });
}

import { describe, expect, test } from 'vitest';
import {
  addressBytes,
  formatAddress,
  formatNetwork,
  networkContains,
  networkSize,
  networksOverlap,
  parseAddress,
  parseNetwork,
} from '../../../src/base/ip.js';

const address = (text: string): NonNullable<ReturnType<typeof parseAddress>> => {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
};
const network = (text: string): NonNullable<ReturnType<typeof parseNetwork>> => {
  const parsed = parseNetwork(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
};

describe('addresses', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['10.208.0.1', '10.208.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ])('%s is written as %s', (text, written) => {
    expect(formatAddress(address(text))).toBe(written);
  });

  test.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    'fe80::1%eth0',
    'g::',
    '10.0.0.1/8',
    '1.2.3.4 ',
  ])('"%s" is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('are bytes in network order', () => {
    expect([...addressBytes(address('10.0.255.1'))]).toEqual([10, 0, 255, 1]);
    expect(addressBytes(address('fd00::1')).toString('hex')).toBe(`fd${'0'.repeat(29)}1`);
  });
});

describe('networks', () => {
  test('lose their host bits', () => {
    expect(formatNetwork(network('10.208.3.4/16'))).toBe('10.208.0.0/16');
    expect(formatNetwork(network('fd57::5/64'))).toBe('fd57::/64');
    expect(formatNetwork(network('0.0.0.0/0'))).toBe('0.0.0.0/0');
    expect(formatNetwork(network('10.0.0.1'))).toBe('10.0.0.1/32');
  });

  test.each([
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/1e1',
  ])('"%s" is none', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  test('contain what has their prefix', () => {
    const inside = network('10.208.0.0/16');
    expect(networkContains(inside, address('10.208.255.255'))).toBe(true);
    expect(networkContains(inside, address('10.209.0.0'))).toBe(false);
    expect(networkContains(network('::/0'), address('10.208.0.1'))).toBe(false);
    expect(networkSize(inside)).toBe(65_536n);
  });

  test('overlap when one contains the other', () => {
    expect(networksOverlap(network('10.0.0.0/8'), network('10.208.0.0/16'))).toBe(true);
    expect(networksOverlap(network('10.208.0.0/16'), network('10.0.0.0/8'))).toBe(true);
    expect(networksOverlap(network('10.208.0.0/16'), network('10.209.0.0/16'))).toBe(false);
    expect(networksOverlap(network('0.0.0.0/0'), network('::/0'))).toBe(false);
  });
});

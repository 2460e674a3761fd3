import { describe, expect, test } from 'vitest';
import { parseExposed, parsePort, parsePublish } from '../../../../src/cli/parse/ports.js';
import type { PortMapping } from '../../../../src/model/network/network.js';

const mapping = (changes: Partial<PortMapping>): PortMapping => ({
  protocol: 'tcp',
  hostIp: '',
  hostPort: 0,
  hostPortEnd: 0,
  containerPort: 80,
  ...changes,
});

describe('parsePublish', () => {
  test.each<[string, readonly Partial<PortMapping>[]]>([
    ['80', [{}]],
    ['80/udp', [{ protocol: 'udp' }]],
    ['80/SCTP', [{ protocol: 'sctp' }]],
    ['8080:80', [{ hostPort: 8080, hostPortEnd: 8080 }]],
    ['127.0.0.1:8080:80', [{ hostIp: '127.0.0.1', hostPort: 8080, hostPortEnd: 8080 }]],
    ['127.0.0.1::80', [{ hostIp: '127.0.0.1' }]],
    ['[::1]:8080:80', [{ hostIp: '::1', hostPort: 8080, hostPortEnd: 8080 }]],
    ['::1:8080:80', [{ hostIp: '::1', hostPort: 8080, hostPortEnd: 8080 }]],
    ['[::]::80', [{ hostIp: '::' }]],
    ['8000-8009:80', [{ hostPort: 8000, hostPortEnd: 8009 }]],
    ['80-81', [{}, { containerPort: 81 }]],
    [
      '8000-8001:80-81/udp',
      [
        { protocol: 'udp', hostPort: 8000, hostPortEnd: 8000 },
        { protocol: 'udp', hostPort: 8001, hostPortEnd: 8001, containerPort: 81 },
      ],
    ],
  ])('reads %s', (text, wanted) => {
    expect(parsePublish(text)).toEqual(wanted.map(mapping));
  });

  test.each([
    ['', 'HOSTPORT'],
    ['0', 'HOSTPORT'],
    ['8080:', 'HOSTPORT'],
    ['65536:80', 'HOSTPORT'],
    ['80/icmp', '/tcp, /udp or /sctp'],
    ['host:8080:80', '"host" is not an address'],
    ['127.0.0.1:80', 'HOSTPORT'],
    ['[::1]:1:8080:80', 'HOSTPORT'],
    ['8000-8002:80-81', 'same number'],
    ['8000:80-81', 'same number'],
    ['8001-8000:80', 'HOSTPORT'],
  ])('refuses "%s"', (text, reason) => {
    expect(() => parsePublish(text)).toThrow(reason);
  });
});

test('parseExposed reads ports and ranges, parsePort one port', () => {
  expect(parseExposed('8000-8001/udp')).toEqual([
    { protocol: 'udp', port: 8000 },
    { protocol: 'udp', port: 8001 },
  ]);
  expect(parsePort('80')).toEqual({ protocol: 'tcp', port: 80 });
  expect(() => parsePort('80-81')).toThrow('one port');
});

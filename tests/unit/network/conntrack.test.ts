import { expect, test } from 'vitest';
import { endFlows, trackedFlows } from '../../../src/network/conntrack.js';

const lines = `ipv4     2 udp      17 29 src=192.0.2.9 dst=192.0.2.1 sport=40000 dport=5300 [UNREPLIED] src=10.208.0.2 dst=192.0.2.9 sport=53 dport=40000 mark=0 zone=0 use=2
ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.9 dst=192.0.2.1 sport=50000 dport=8000 src=10.208.0.2 dst=192.0.2.9 sport=80 dport=50000 [ASSURED] mark=0 zone=0 use=2
ipv6     10 udp      17 29 src=2001:0db8:0001:0000:0000:0000:0000:0009 dst=2001:0db8:0001:0000:0000:0000:0000:0001 sport=40000 dport=5300 src=fd57:0000:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0001:0000:0000:0000:0000:0009 sport=53 dport=40000 mark=0 zone=0 use=2
`;

test('trackedFlows reads datagram flows and where they really go', () => {
  expect(trackedFlows(lines)).toEqual([
    {
      source: '192.0.2.9',
      sourcePort: 40_000,
      target: '192.0.2.1',
      targetPort: 5300,
      container: '10.208.0.2',
      containerPort: 53,
    },
    expect.objectContaining({ container: 'fd57::2', containerPort: 53 }),
  ]);
});

test('endFlows names each flow as it came, and says nothing when there is none', () => {
  const [batch, ...more] = endFlows(trackedFlows(lines));
  expect(more).toEqual([]);
  expect(batch?.tolerant).toBe(true);
  const bytes = Buffer.from(batch?.messages ?? []);
  expect(bytes.readUInt16LE(4)).toBe(0x0102);
  expect(bytes.toString('hex')).toContain('c0000209');
  expect(bytes.includes(Buffer.from([40_000 >> 8, 40_000 & 255]))).toBe(true);
  expect(bytes.subarray(bytes.readUInt32LE(0)).readUInt16LE(4)).toBe(0x0102);
  expect(endFlows([])).toEqual([]);
});

import { expect, test } from 'vitest';
import { networkOf } from '../../../src/model/network/normalize-network.js';

const image = { exposedPorts: [] };

test('ports are published on the default network when none is named', () => {
  const port = {
    protocol: 'tcp',
    hostIp: '',
    hostPort: 0,
    hostPortEnd: 0,
    containerPort: 80,
  } as const;
  const { network, networking } = networkOf({ image: 'tiny', publish: [port] }, image);
  expect(network).toBe('default');
  expect(networking.attachments).toEqual([{ network: 'default' }]);
  expect(networking.publish).toEqual([port]);
});

test('ports of the image are exposed with those of the config', () => {
  const exposing = { exposedPorts: ['80', '53/udp', '99/other'] };
  const { expose } = networkOf(
    { image: 'tiny', expose: [{ port: 80, protocol: 'tcp' }] },
    exposing,
  ).networking;
  expect(expose).toEqual([
    { port: 80, protocol: 'tcp' },
    { port: 53, protocol: 'udp' },
  ]);
});

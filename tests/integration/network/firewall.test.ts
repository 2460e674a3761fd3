import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointElements } from '../../../src/network/firewall/container-elements.js';
import { portElements } from '../../../src/network/firewall/port-elements.js';
import { routerTable, routerSets } from '../../../src/network/firewall/router-table.js';
import { elementsText } from '../../../src/network/nft/set.js';
import type { PublishedPort } from '../../../src/model/network/network.js';
import { describeAsRoot } from '../../privileges.js';
import {
  addressesOf,
  hostAddresses,
  hostTable,
  NetworkRig,
  outsideAddresses,
  hostLink,
  resolver,
} from './rig/rig.js';

const port = (changes: Partial<PublishedPort> = {}): PublishedPort => ({
  protocol: 'tcp',
  hostIp: '',
  hostPort: 8080,
  containerPort: 80,
  ...changes,
});

describeAsRoot('the firewall', () => {
  let rig: NetworkRig;
  const [a, b] = [addressesOf('a'), addressesOf('b')];

  beforeAll(async () => {
    rig = new NetworkRig();
    for (const place of ['a', 'b', 'outside', 'host'] as const) await rig.serve(place, 80);
    await rig.serve('router', 53);
  });

  afterAll(async () => {
    await rig.close();
  });

  test('lets containers of one network reach each other, the host and the outside, with IPv4 and IPv6', async () => {
    const endpoints = [rig.endpoint('a'), rig.endpoint('b')];
    await rig.admit(...endpoints);
    expect(rig.connect('a', b.ipv4, 80)).toBe(a.ipv4);
    expect(rig.connect('a', b.ipv6, 80)).toBe(a.ipv6);
    expect(rig.connect('a', hostAddresses.ipv4, 80)).toBe(a.ipv4);
    expect(rig.connect('a', outsideAddresses.ipv4, 80)).toBe(hostAddresses.ipv4);
    expect(rig.connect('a', outsideAddresses.ipv6, 80)).toBe(hostAddresses.ipv6);
    expect(rig.connect('host', a.ipv4, 80)).not.toMatch(/E/);
    await rig.dismiss(...endpoints);
  });

  test('lets nothing pass of a container that it does not know, before and after', async () => {
    const endpoints = [rig.endpoint('a'), rig.endpoint('b')];
    expect(rig.attempt('a', b.ipv4, 80)).toBe('ETIMEDOUT');
    await rig.admit(...endpoints);
    expect(rig.connect('a', b.ipv4, 80)).toBe(a.ipv4);
    await rig.dismiss(...endpoints);
    expect(rig.attempt('a', b.ipv4, 80)).toBe('ETIMEDOUT');
    for (const { name } of Object.values(routerSets)) {
      expect(rig.set('router', routerTable, name)).not.toContain('elements');
    }
  });

  test('drops packets with the address of another container', async () => {
    const endpoints = [rig.endpoint('a'), rig.endpoint('b'), rig.endpoint('c')];
    await rig.admit(...endpoints);
    const c = addressesOf('c');
    rig.ip('a', 'addr', 'add', `${c.ipv4}/32`, 'dev', 'eth0');
    rig.ip('a', 'addr', 'add', `${c.ipv6}/128`, 'dev', 'eth0', 'nodad');
    // The answers would come back here, if the packets passed.
    rig.ip('router', 'route', 'replace', c.ipv4, 'dev', 'c2');
    rig.ip('router', '-6', 'route', 'replace', c.ipv6, 'dev', 'c2');
    expect(rig.attempt('a', b.ipv4, 80, c.ipv4)).toBe('ETIMEDOUT');
    expect(rig.attempt('a', b.ipv6, 80, c.ipv6)).toBe('ETIMEDOUT');
    expect(rig.connect('a', b.ipv4, 80)).toBe(a.ipv4);
    rig.ip('router', 'route', 'replace', c.ipv4, 'dev', 'c4');
    rig.ip('router', '-6', 'route', 'replace', c.ipv6, 'dev', 'c4');
    rig.ip('a', 'addr', 'del', `${c.ipv4}/32`, 'dev', 'eth0');
    rig.ip('a', 'addr', 'del', `${c.ipv6}/128`, 'dev', 'eth0');
    await rig.dismiss(...endpoints);
  });

  test('keeps networks apart', async () => {
    const endpoints = [rig.endpoint('a'), rig.endpoint('b', { network: 2 })];
    await rig.admit(...endpoints);
    expect(rig.attempt('a', b.ipv4, 80)).toBe('ETIMEDOUT');
    expect(rig.attempt('b', a.ipv6, 80)).toBe('ETIMEDOUT');
    await rig.dismiss(...endpoints);
  });

  test('gives an internal network no way out but to its containers and to the resolver, and the host a way in', async () => {
    const endpoints = (['a', 'b'] as const).map((name) => rig.endpoint(name, { internal: true }));
    await rig.admit(...endpoints);
    expect(rig.connect('a', b.ipv4, 80)).toBe(a.ipv4);
    expect(rig.connect('host', a.ipv4, 80)).not.toMatch(/E/);
    expect(rig.connect('a', resolver.ipv4, 53)).toBe(a.ipv4);
    expect(rig.attempt('a', resolver.ipv4, 80)).toBe('ETIMEDOUT');
    expect(rig.attempt('a', outsideAddresses.ipv4, 80)).toBe('ETIMEDOUT');
    expect(rig.attempt('a', outsideAddresses.ipv6, 80)).toBe('ETIMEDOUT');
    await rig.dismiss(...endpoints);
  });

  test('publishes a port on the host’s addresses, 127.0.0.1 and ::1, to outside, host and containers, and takes it back', async () => {
    const endpoints = [rig.endpoint('a'), rig.endpoint('b', { network: 2 })];
    await rig.admit(...endpoints);
    const elements = portElements([port()], a);
    await rig.add('host', hostTable, elements);
    for (const address of ['127.0.0.1', '::1', hostAddresses.ipv4, hostAddresses.ipv6]) {
      expect(rig.connect('host', address, 8080), address).not.toMatch(/E/);
    }
    expect(rig.connect('outside', hostAddresses.ipv4, 8080)).toBe(outsideAddresses.ipv4);
    expect(rig.connect('outside', hostAddresses.ipv6, 8080)).toBe(outsideAddresses.ipv6);
    expect(rig.connect('b', hostAddresses.ipv4, 8080)).toBe(hostLink.ipv4);
    await rig.remove('host', hostTable, elements);
    expect(rig.connect('host', '127.0.0.1', 8080)).toBe('ECONNREFUSED');
    expect(rig.connect('outside', hostAddresses.ipv4, 8080)).toBe('ECONNREFUSED');
    await rig.dismiss(...endpoints);
  });

  test('publishes a port on one address alone when asked to', async () => {
    await rig.admit(rig.endpoint('a'));
    const elements = portElements([port({ hostIp: '127.0.0.1', hostPort: 8081 })], a);
    await rig.add('host', hostTable, elements);
    expect(rig.connect('host', '127.0.0.1', 8081)).not.toMatch(/E/);
    expect(rig.connect('outside', hostAddresses.ipv4, 8081)).toBe('ECONNREFUSED');
    await rig.remove('host', hostTable, elements);
    await rig.dismiss(rig.endpoint('a'));
  });

  test('leaves the port alone when another container has got it meanwhile', async () => {
    const theirs = portElements([port({ hostPort: 8082 })], b);
    await rig.add('host', hostTable, theirs);
    await rig.remove('host', hostTable, portElements([port({ hostPort: 8082 })], a));
    expect(rig.set('host', hostTable, 'published_any4')).toContain(`8082 : ${b.ipv4}`);
    await rig.remove('host', hostTable, theirs);
  });

  test('keeps outsiders with a route from ports that are not published', async () => {
    await rig.admit(rig.endpoint('a'));
    expect(rig.attempt('outside', a.ipv4, 80)).toBe('ETIMEDOUT');
    expect(rig.attempt('outside', a.ipv6, 80)).toBe('ETIMEDOUT');
    await rig.dismiss(rig.endpoint('a'));
  });

  test('keeps containers from what listens on the host’s 127.0.0.1', async () => {
    await rig.admit(rig.endpoint('a'));
    rig.ip('a', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo');
    rig.ip('a', 'route', 'add', '127.0.0.0/8', 'via', '169.254.1.1', 'src', a.ipv4);
    expect(rig.connect('a', '127.0.0.1', 80, a.ipv4)).not.toBe(a.ipv4);
    rig.ip('a', 'route', 'del', '127.0.0.0/8');
    rig.ip('a', 'addr', 'add', '127.0.0.1/8', 'dev', 'lo');
    await rig.dismiss(rig.endpoint('a'));
  });

  test('allows what an egress policy lists, with IPv4 and IPv6, and answers the rest with a refusal', async () => {
    const restricted = rig.endpoint('a', { policy: 7 });
    await rig.admit(restricted, rig.endpoint('b'));
    const allowed = [
      { set: routerSets.allowPort4, key: [7, outsideAddresses.ipv4, 80] },
      { set: routerSets.allowNetPort4, key: [7, '192.0.2.0', 81], keyEnd: [7, '192.0.2.255', 90] },
      { set: routerSets.allowNet6, key: [7, '2001:db8:1::'], keyEnd: [7, '2001:db8:1::ffff'] },
    ];
    expect(rig.connect('a', outsideAddresses.ipv4, 80)).toBe('EHOSTUNREACH');
    // EACCES, with the second packet: the first refusal comes while the call still holds the socket.
    expect(rig.connect('a', outsideAddresses.ipv6, 80)).toMatch(/^E/);
    expect(rig.connect('a', b.ipv4, 80)).toBe('EHOSTUNREACH');
    expect(rig.connect('a', outsideAddresses.ipv4, 53)).toBe('EHOSTUNREACH');
    expect(rig.connect('a', resolver.ipv4, 53)).toBe(a.ipv4);
    await rig.add('router', routerTable, allowed);
    expect(rig.connect('a', outsideAddresses.ipv4, 80)).toBe(hostAddresses.ipv4);
    expect(rig.connect('a', outsideAddresses.ipv6, 80)).toBe(hostAddresses.ipv6);
    expect(rig.connect('a', hostAddresses.ipv4, 80)).toBe('EHOSTUNREACH');
    expect(rig.connect('b', a.ipv4, 80)).toBe(b.ipv4);
    await rig.remove('router', routerTable, allowed);
    expect(rig.connect('a', outsideAddresses.ipv4, 80)).toBe('EHOSTUNREACH');
    await rig.dismiss(restricted, rig.endpoint('b'));
  });

  test('forgets a resolved address when its time is over', async () => {
    const element = { set: routerSets.allow4, key: [9, '198.51.100.7'], timeoutMs: 3_600_000 };
    await rig.add('router', routerTable, [element]);
    expect(rig.set('router', routerTable, 'allow4')).toMatch(/198\.51\.100\.7 timeout 1h expires/);
    await rig.remove('router', routerTable, [element]);
    await rig.add('router', routerTable, [{ ...element, timeoutMs: 1 }]);
    await expect.poll(() => rig.set('router', routerTable, 'allow4')).not.toContain('198.51.100.7');
  });

  test('adds hundreds of containers in one transaction', async () => {
    const endpoints = Array.from({ length: 400 }, (_, index) =>
      rig.endpoint('a', {
        link: 10_000 + index,
        ipv4: `10.209.${index >> 8}.${index & 255}`,
        ipv6: `fd58::${index.toString(16)}`,
      }),
    );
    await rig.admit(...endpoints);
    expect(rig.set('router', routerTable, 'source4').match(/10\.209\./g)).toHaveLength(400);
    await rig.dismiss(...endpoints);
    expect(rig.set('router', routerTable, 'source4')).not.toContain('elements');
  });

  test('makes the tables anew with their elements in one transaction after somebody deleted them', async () => {
    const endpoint = rig.endpoint('a');
    for (const place of ['router', 'host'] as const) rig.nft(place, 'flush ruleset\n');
    rig.makeTables(elementsText('inet', routerTable, endpointElements(endpoint).router));
    expect(rig.connect('a', hostAddresses.ipv4, 80)).toBe(a.ipv4);
    await rig.dismiss(endpoint);
    expect(rig.set('router', routerTable, 'source4')).not.toContain('elements');
  });
});

import { describe, expect, test } from 'vitest';
import { addition, removal } from '../../../src/network/firewall/batches.js';
import { endpointElements } from '../../../src/network/firewall/container-elements.js';
import { hexMark, internalMark, restrictedMark } from '../../../src/network/firewall/marks.js';
import { portElements } from '../../../src/network/firewall/port-elements.js';
import { routerSets } from '../../../src/network/firewall/router-table.js';
import { elementMessages } from '../../../src/network/nft/elements.js';
import { fieldsBytes } from '../../../src/network/nft/field-bytes.js';
import { elementsText, setText, type SetElement } from '../../../src/network/nft/set.js';

/** Types and flags of the messages in a transaction. */
function framesOf(bytes: Uint8Array): { readonly type: number; readonly flags: number }[] {
  const view = Buffer.from(bytes);
  const frames = [];
  for (let at = 0; at < view.length; at += (view.readUInt32LE(at) + 3) & ~3) {
    frames.push({ type: view.readUInt16LE(at + 4), flags: view.readUInt16LE(at + 6) });
  }
  return frames;
}

const element: SetElement = { set: routerSets.tracked4, key: ['10.0.0.1'] };
const begin = 0x10;
const end = 0x11;
const add = 0x0a0c;
const remove = 0x0a0e;
const ack = 4;

describe('fieldsBytes', () => {
  test('gives numbers of the host in its own order, those of packets in network order, each padded', () => {
    const bytes = fieldsBytes(['mark', 'ipv4', 'port'], [0x80000001, '10.0.0.1', 443]);
    expect(bytes.toString('hex')).toBe('01000080' + '0a000001' + '01bb0000');
  });

  test('gives all numbers in network order where keys are ranges', () => {
    expect(fieldsBytes(['mark', 'port'], [7, 80], true).toString('hex')).toBe('0000000700500000');
  });

  test('does not pad a field that stands alone', () => {
    expect(fieldsBytes(['port'], [80])).toHaveLength(2);
    expect(fieldsBytes(['link', 'mac'], [1, '0a:57:00:00:00:01'])).toHaveLength(12);
  });

  test('refuses an address of the other family, by name', () => {
    expect(() => fieldsBytes(['ipv4'], ['fd00::1'])).toThrow('fd00::1 is no IPv4 address');
  });
});

describe('elementMessages', () => {
  test('is one transaction whose last element message asks for the answer', () => {
    const frames = framesOf(
      elementMessages({ family: 'inet', table: 'warren', add: [element], remove: [element] }),
    );
    expect(frames.map(({ type }) => type)).toEqual([begin, add, remove, end]);
    expect(frames.map(({ flags }) => (flags & ack) !== 0)).toEqual([false, false, true, false]);
  });

  test('splits many elements so that no attribute is too long', () => {
    const many = Array.from({ length: 600 }, () => element);
    const frames = framesOf(elementMessages({ family: 'inet', table: 'warren', add: many }));
    expect(frames.map(({ type }) => type)).toEqual([begin, add, add, add, end]);
  });
});

describe('batches', () => {
  test('are none without elements', () => {
    expect(addition({ family: 'inet', table: 'warren', add: [] }, 'host')).toEqual([]);
  });

  test('take away what may be missing by adding it first', () => {
    const [batch] = removal(
      { family: 'inet', table: 'warren', remove: [element] },
      { router: 'r' },
    );
    expect(batch).toMatchObject({ place: 'run-dir', path: 'r', tolerant: true });
    expect(framesOf(batch?.messages ?? Buffer.alloc(0)).map(({ type }) => type)).toEqual([
      begin,
      add,
      remove,
      end,
    ]);
  });
});

describe('setText and elementsText', () => {
  test('write what nft reads', () => {
    expect(setText(routerSets.source4)).toBe(
      'map source4 { type iface_index . ipv4_addr : mark; }',
    );
    expect(setText(routerSets.allowNetPort4)).toBe(
      'set allow_net_port4 { type mark . ipv4_addr . inet_service; flags interval; }',
    );
    const range: SetElement = {
      set: routerSets.allowNetPort4,
      key: [7, '10.0.0.0', 80],
      keyEnd: [7, '10.0.0.255', 80],
    };
    expect(elementsText('inet', 'warren', [range, element])).toBe(
      'add element inet warren allow_net_port4 { 7 . 10.0.0.0-10.0.0.255 . 80 }\n' +
        'add element inet warren tracked4 { 10.0.0.1 }\n',
    );
  });
});

describe('endpointElements', () => {
  const endpoint = {
    link: 4098,
    bridgePort: null,
    network: 3,
    internal: false,
    ipv4: '10.208.0.2',
    ipv6: 'fd57::2',
    policy: 0,
  };
  const names = (elements: readonly SetElement[]): string[] => elements.map(({ set }) => set.name);

  test('of a container without rules are its sources and its membership', () => {
    const { router, bridge } = endpointElements(endpoint);
    expect(names(router)).toEqual(['members', 'members', 'source4', 'source6']);
    expect(router.find(({ set }) => set === routerSets.source4)?.data).toEqual([3]);
    expect(bridge).toEqual([]);
  });

  test('mark what comes from a container with a policy, and have its connections tracked', () => {
    const { router } = endpointElements({ ...endpoint, policy: 9, ipv6: null });
    expect(names(router)).toEqual(['members', 'members', 'source4', 'tracked4', 'policies']);
    expect(router.find(({ set }) => set === routerSets.source4)?.data).toEqual([
      (3 | restrictedMark) >>> 0,
    ]);
  });

  test('hold a container on a bridge to its MAC address there', () => {
    const bridgePort = { link: 4098, mac: '0a:57:00:00:00:02' };
    const { bridge } = endpointElements({ ...endpoint, link: 17, bridgePort });
    expect(names(bridge)).toEqual(['senders', 'senders4', 'senders6']);
    expect(bridge[0]?.key).toEqual([4098, '0a:57:00:00:00:02']);
  });

  test('have marks that nft prints without a sign', () => {
    expect(hexMark(internalMark | restrictedMark)).toBe('0xc0000000');
  });
});

describe('portElements', () => {
  const target = { ipv4: '10.208.0.2', ipv6: 'fd57::2' };
  const of = (hostIp: string): string[] =>
    portElements([{ protocol: 'tcp', hostIp, hostPort: 8080, containerPort: 80 }], target).map(
      ({ set }) => set.name,
    );

  test('are one for each family that the address means', () => {
    expect(of('')).toEqual(['published_any4', 'published_any6']);
    expect(of('0.0.0.0')).toEqual(['published_any4']);
    expect(of('::')).toEqual(['published_any4', 'published_any6']);
    expect(of('127.0.0.1')).toEqual(['published4']);
    expect(of('::1')).toEqual(['published6']);
  });

  test('leave out the family that the container has no address of', () => {
    const ports = [{ protocol: 'udp', hostIp: '', hostPort: 53, containerPort: 53 }] as const;
    expect(portElements(ports, { ipv4: '10.0.0.1', ipv6: null })).toEqual([
      expect.objectContaining({ key: [17, 53], data: ['10.0.0.1', 53] }),
    ]);
  });
});

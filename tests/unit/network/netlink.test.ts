import { describe, expect, test } from 'vitest';
import {
  parseAddress,
  parseNetwork,
  type IpAddress,
  type IpNetwork,
} from '../../../src/base/ip.js';
import { addMacvlan, addVeth, withoutLinkLocal } from '../../../src/network/netlink/links.js';
import { messageFlags, MessageWriter } from '../../../src/network/netlink/message-writer.js';
import { addAddress, addNeighbour, addRoute } from '../../../src/network/netlink/routes.js';

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

function messagesOf(out: MessageWriter): Message[] {
  const bytes = Buffer.from(out.finish().messages);
  const found: Message[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    expect(length).toBeGreaterThanOrEqual(16);
    found.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      body: bytes.subarray(at + 16, at + length),
    });
    at += (length + 3) & ~3;
  }
  return found;
}

/** Attributes by their type, without the flag of nested ones. */
function attributesOf(bytes: Buffer, from: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = from; at < bytes.length;) {
    const length = bytes.readUInt16LE(at);
    expect(length).toBeGreaterThanOrEqual(4);
    found.set(bytes.readUInt16LE(at + 2) & 0x7fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}

function only(out: MessageWriter): Message {
  const [message, ...others] = messagesOf(out);
  expect(others).toEqual([]);
  if (message === undefined) throw new Error('There is no message');
  return message;
}

function nested(attributes: Map<number, Buffer>, type: number): Buffer {
  const found = attributes.get(type);
  if (found === undefined) throw new Error(`There is no attribute ${type}`);
  return found;
}

const ip = (text: string): IpAddress => parseAddress(text) ?? { family: 4, value: 0n };
const net = (text: string): IpNetwork => parseNetwork(text) ?? { family: 4, base: 0n, prefix: 0 };
const mac = '0a:57:0a:d0:00:02';

describe('a batch', () => {
  test('asks for an answer to its last message only', () => {
    const out = new MessageWriter(16);
    out.begin(1, 0).u8(1).begin(2, 0).u32(7);
    expect(messagesOf(out).map(({ flags }) => flags & messageFlags.ack)).toEqual([
      0,
      messageFlags.ack,
    ]);
  });

  test('leaves it to a message that asks by itself', () => {
    const out = new MessageWriter();
    out.begin(1, messageFlags.ack).begin(2, 0);
    expect(messagesOf(out).map(({ flags }) => flags & messageFlags.ack)).toEqual([
      messageFlags.ack,
      0,
    ]);
  });

  test('pads attributes and messages to four bytes', () => {
    const out = new MessageWriter();
    out.begin(1, 0).attribute8(3, 9).attributeString(4, 'abcd').begin(2, 0).u8(1);
    const bytes = Buffer.from(out.finish().messages);
    expect(bytes.length % 4).toBe(0);
    expect(bytes.subarray(16, 36).toString('hex')).toBe(
      '0500030009000000' + '090004006162636400000000',
    );
  });

  test('without messages is empty', () => {
    expect(new MessageWriter().isEmpty).toBe(true);
    expect(new MessageWriter().finish().messages).toHaveLength(0);
  });
});

describe('links', () => {
  test('a veth pair is one message with the namespace of its other end left open', () => {
    const out = new MessageWriter();
    addVeth(out, {
      near: { name: 'c5', index: 4101, mac: '0a:57:00:00:00:01', mtu: 1500 },
      far: { name: 'eth0', index: 16, mac, mtu: 1500 },
      place: 'container',
    });
    const { messages, namespaceAt } = out.finish();
    const [spot = 0, ...others] = namespaceAt;
    expect(others).toEqual([]);
    expect(Buffer.from(messages).readUInt32LE(spot - 4)).toBe((28 << 16) | 8);
    const { body, flags } = only(out);
    expect(flags & messageFlags.exclusive).not.toBe(0);
    expect(body.readUInt32LE(4)).toBe(4101);
    expect(body.readUInt32LE(8)).toBe(1);
    const info = attributesOf(nested(attributesOf(body, 16), 18), 0);
    expect(nested(info, 1).toString()).toBe('veth\0');
    const peer = nested(attributesOf(nested(info, 2), 0), 1);
    expect(peer.readUInt32LE(4)).toBe(16);
    expect(nested(attributesOf(peer, 16), 3).toString()).toBe('eth0\0');
    expect(nested(attributesOf(peer, 16), 1).toString('hex')).toBe('0a570ad00002');
  });

  test('a veth pair may have its other end at a process, and become the port of a bridge', () => {
    const out = new MessageWriter();
    const end = { name: 'x', index: 7, mac, mtu: 0 };
    addVeth(out, { near: end, master: 9, far: end, place: { pid: 42 } });
    const attributes = attributesOf(only(out).body, 16);
    expect(nested(attributes, 10).readUInt32LE(0)).toBe(9);
    const peer = nested(attributesOf(nested(attributesOf(nested(attributes, 18), 0), 2), 0), 1);
    expect(nested(attributesOf(peer, 16), 19).readUInt32LE(0)).toBe(42);
    expect(attributesOf(peer, 16).has(4)).toBe(false);
  });

  test('a macvlan names its parent', () => {
    const out = new MessageWriter();
    addMacvlan(out, { name: 'eth0', index: 16, mac, mtu: 0 }, 3);
    const attributes = attributesOf(only(out).body, 16);
    expect(nested(attributes, 5).readUInt32LE(0)).toBe(3);
    expect(nested(attributesOf(nested(attributes, 18), 0), 1).toString()).toBe('macvlan\0');
  });

  test('address generation is switched off without touching what else the link is', () => {
    const out = new MessageWriter();
    withoutLinkLocal(out, 16);
    const { body } = only(out);
    expect(body.readUInt32LE(12)).toBe(0);
    const settings = attributesOf(
      nested(attributesOf(nested(attributesOf(body, 16), 26), 0), 10),
      0,
    );
    expect(nested(settings, 8)[0]).toBe(1);
  });
});

describe('addresses, routes and neighbours', () => {
  test('an address has a broadcast address where there is room for one', () => {
    const out = new MessageWriter();
    addAddress(out, 16, { ...ip('10.1.2.3'), prefix: 24 });
    addAddress(out, 16, { ...ip('10.1.2.3'), prefix: 32 });
    addAddress(out, 16, { ...ip('fd00::1'), prefix: 64 });
    const broadcasts = messagesOf(out).map(({ body }) => attributesOf(body, 8).get(4));
    expect(broadcasts.map((value) => value?.toString('hex'))).toEqual([
      '0a0102ff',
      undefined,
      undefined,
    ]);
  });

  test('a default route names its next hop as on the link, and no destination', () => {
    const out = new MessageWriter();
    addRoute(out, { to: net('0.0.0.0/0'), link: 16, via: ip('169.254.1.1') });
    const { body } = only(out);
    expect(body[1]).toBe(0);
    expect(body.readUInt32LE(8)).toBe(4);
    const attributes = attributesOf(body, 12);
    expect(attributes.has(1)).toBe(false);
    expect(nested(attributes, 5).toString('hex')).toBe('a9fe0101');
  });

  test('a route without a link is unreachable', () => {
    const out = new MessageWriter();
    addRoute(out, { to: net('10.1.0.0/16') });
    expect(only(out).body[7]).toBe(7);
  });

  test('a neighbour is permanent', () => {
    const out = new MessageWriter();
    addNeighbour(out, 16, { address: ip('fe80::1'), mac });
    const { body } = only(out);
    expect(body[0]).toBe(10);
    expect(body.readUInt16LE(8)).toBe(0x80);
    expect(nested(attributesOf(body, 12), 2).toString('hex')).toBe('0a570ad00002');
  });
});

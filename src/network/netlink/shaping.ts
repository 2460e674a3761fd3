/**
 * rtnetlink messages that limit what passes a link (linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h). Each may be sent again: it
 * changes what is there.
 */
import { messageFlags, type MessageWriter } from './message-writer.js';

const newQueue = 36;
const deleteQueue = 37;
const newFilter = 44;

const attributes = { kind: 1, options: 2 } as const;
const rootQueue = 0xffff_ffff;
const arrivalQueue = 0xffff_fff1;
const arrivalHandle = 0xffff_0000;

const bucketAttributes = { parameters: 1, rate64: 4, burst: 6 } as const;
const ethernet = 1;
const largest32 = 0xffff_ffff;

const everyProtocol = 3;
const firstPriority = 1;
const filterHandle = 0x8000_0800;
const u32Attributes = { selector: 5, actions: 7 } as const;
const terminal = 1;
const actionAttributes = { kind: 1, options: 2 } as const;
const redirectParameters = 2;
const redirectToEgress = 1;
const stolen = 4;

/** A token bucket. */
export interface Bucket {
  readonly bytesPerSecond: number;
  /** What may pass at once after a pause. */
  readonly burstBytes: number;
  /** What may wait; more is dropped. */
  readonly queueBytes: number;
}

interface QueuePlace {
  readonly link: number;
  readonly handle: number;
  readonly parent: number;
}

/** struct tcmsg. */
function header(out: MessageWriter, { link, handle, parent }: QueuePlace, info = 0): void {
  out.u32(0).u32(link).u32(handle).u32(parent).u32(info);
}

/** What leaves the link, by a bucket of tokens. */
export function shapeLink(out: MessageWriter, link: number, bucket: Bucket): void {
  out.begin(newQueue, messageFlags.create | messageFlags.replace);
  header(out, { link, handle: 0, parent: rootQueue });
  out.attributeString(attributes.kind, 'tbf');
  out.nest(attributes.options, () => {
    out.attribute(bucketAttributes.parameters, () => {
      writeRate(out, Math.min(bucket.bytesPerSecond, largest32));
      writeRate(out, 0);
      out.u32(Math.min(bucket.queueBytes, largest32)).u32(0).u32(0);
    });
    out.attribute(bucketAttributes.rate64, () => {
      out.u32(bucket.bytesPerSecond % 2 ** 32).u32(Math.floor(bucket.bytesPerSecond / 2 ** 32));
    });
    out.attribute32(bucketAttributes.burst, bucket.burstBytes);
  });
}

/** struct tc_ratespec. */
function writeRate(out: MessageWriter, rate: number): void {
  out.u8(0).u8(ethernet).u16(0).u16(0).u16(0).u32(rate);
}

/** Takes the bucket away: what leaves the link waits for nothing. */
export function unshapeLink(out: MessageWriter, link: number): void {
  out.begin(deleteQueue, 0);
  header(out, { link, handle: 0, parent: rootQueue });
}

/** All that arrives on the link leaves by `to` first, and goes on from there as if it had just arrived. */
export function redirectArrivals(out: MessageWriter, link: number, to: number): void {
  out.begin(newQueue, messageFlags.create);
  header(out, { link, handle: arrivalHandle, parent: arrivalQueue });
  out.attributeString(attributes.kind, 'ingress');
  out.begin(newFilter, messageFlags.create);
  const info = ((firstPriority << 16) | (everyProtocol << 8)) >>> 0;
  header(out, { link, handle: filterHandle, parent: arrivalHandle }, info);
  out.attributeString(attributes.kind, 'u32');
  out.nest(attributes.options, () => {
    out.attribute(u32Attributes.selector, () => {
      writeEverything(out);
    });
    out.nest(u32Attributes.actions, () => {
      out.nest(1, () => {
        writeRedirect(out, to);
      });
    });
  });
}

/** struct tc_u32_sel with one key that every packet has. */
function writeEverything(out: MessageWriter): void {
  out.u8(terminal).u8(0).u8(1).u8(0).u16(0).u16(0).u16(0).u16(0).u32(0);
  out.u32(0).u32(0).u32(0).u32(0);
}

/** An action with its struct tc_mirred. */
function writeRedirect(out: MessageWriter, to: number): void {
  out.attributeString(actionAttributes.kind, 'mirred');
  out.nest(actionAttributes.options, () => {
    out.attribute(redirectParameters, () => {
      out.u32(0).u32(0).u32(stolen).u32(0).u32(0).u32(redirectToEgress).u32(to);
    });
  });
}

/** The opposite of {@link redirectArrivals}. */
export function keepArrivals(out: MessageWriter, link: number): void {
  out.begin(deleteQueue, 0);
  header(out, { link, handle: arrivalHandle, parent: arrivalQueue });
}

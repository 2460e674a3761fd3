/** nf_tables messages that add and remove elements (linux/netfilter/nf_tables.h). Pure. */
import { MessageWriter, messageFlags } from '../netlink/message-writer.js';
import { fieldsBytes } from './field-bytes.js';
import { tableFamilies, type SetElement, type TableFamily } from './set.js';

export interface ElementChanges {
  readonly table: string;
  readonly family: TableFamily;
  /** What is there already with the same value stays as it is; with another value, the whole transaction fails. */
  readonly add?: readonly SetElement[];
  /** Are there afterwards, with all of their time before them; never away in between. */
  readonly renew?: readonly SetElement[];
  /** After `add`. What is not there fails the whole transaction. */
  readonly remove?: readonly SetElement[];
  /** Added after `remove`: the same keys may have other values. */
  readonly then?: readonly SetElement[];
}

/** struct nfgenmsg: family, version, resource. */
const subsystem = 10;
const batchBegin = 0x10;
const batchEnd = 0x11;
const newElements = (subsystem << 8) | 12;
const deleteElements = (subsystem << 8) | 14;

const listAttributes = { table: 1, set: 2, elements: 3 } as const;
const listItem = 1;
const elementAttributes = { key: 1, data: 2, timeout: 4, keyEnd: 10 } as const;
const dataValue = 1;

/** An attribute's length has 16 bits; an element takes less than 150 bytes. */
const elementsInMessage = 256;

/** One transaction: all of it happens, or nothing. */
export function elementMessages(changes: ElementChanges): Uint8Array {
  const out = new MessageWriter();
  header(out.begin(batchBegin, 0), 0, subsystem);
  const { add = [], renew = [], remove = [], then = [] } = changes;
  // An element that is there keeps its time when it is added: it is taken out and put in again.
  const runs = [
    ...additions([...add, ...renew]),
    ...removals([...renew, ...remove]),
    ...additions([...renew, ...then]),
  ];
  runs.forEach(({ run, type, flags }, index) => {
    // Older kernels do not answer the batch's end.
    const ack = index === runs.length - 1 ? messageFlags.ack : 0;
    header(out.begin(type, flags | ack), tableFamilies[changes.family], 0);
    writeRun(out, changes.table, run);
  });
  header(out.begin(batchEnd, 0), 0, subsystem);
  return out.finish().messages;
}

interface Run {
  readonly run: readonly SetElement[];
  readonly type: number;
  readonly flags: number;
}

function additions(elements: readonly SetElement[]): Run[] {
  const flags = messageFlags.create;
  return runsOf(elements).map((run) => ({ run, type: newElements, flags }));
}

function removals(elements: readonly SetElement[]): Run[] {
  return runsOf(elements).map((run) => ({ run, type: deleteElements, flags: 0 }));
}

function header(out: MessageWriter, family: number, resource: number): void {
  out.u8(family).u8(0).be16(resource);
}

/** Neighbours of one set, in pieces that fit a message. */
function runsOf(elements: readonly SetElement[]): SetElement[][] {
  const runs: SetElement[][] = [];
  for (const element of elements) {
    const last = runs.at(-1);
    if (last?.[0]?.set === element.set && last.length < elementsInMessage) last.push(element);
    else runs.push([element]);
  }
  return runs;
}

function writeRun(out: MessageWriter, table: string, run: readonly SetElement[]): void {
  const [first] = run;
  if (first === undefined) return;
  out.attributeString(listAttributes.table, table);
  out.attributeString(listAttributes.set, first.set.name);
  out.nest(listAttributes.elements, () => {
    for (const element of run) out.nest(listItem, () => writeElement(out, element));
  });
}

function writeElement(out: MessageWriter, element: SetElement): void {
  const { set, key, keyEnd, data, timeoutMs } = element;
  const value = (type: number, bytes: Uint8Array): void => {
    out.nest(type, () => out.attributeBytes(dataValue, bytes));
  };
  const ranges = set.interval === true;
  value(elementAttributes.key, fieldsBytes(set.key, key, ranges));
  if (ranges) value(elementAttributes.keyEnd, fieldsBytes(set.key, keyEnd ?? key, ranges));
  if (set.data !== undefined) value(elementAttributes.data, fieldsBytes(set.data, data ?? []));
  if (timeoutMs !== undefined) {
    out.attribute(elementAttributes.timeout, () =>
      out.be32(Math.floor(timeoutMs / 2 ** 32)).be32(timeoutMs % 2 ** 32),
    );
  }
}

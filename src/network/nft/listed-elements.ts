import { addressBits, formatAddress, parseNetwork } from '../../base/ip.js';
import { slotBase } from '../../model/network/network.js';
import { bridgeIndex } from '../router.js';
import type { Field } from './set.js';

/** Keys of an element: the first and the last of a range, the same twice without one. */
export interface ListedElement {
  readonly key: readonly Field[];
  readonly keyEnd: readonly Field[];
}

interface Listed {
  readonly nftables: readonly { readonly set?: ListedSet; readonly map?: ListedSet }[];
}

interface ListedSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

/** Keys of a table's elements by the name of their set, of what `nft -n -j list table` prints. */
export function listedElements(json: string): ReadonlyMap<string, readonly ListedElement[]> {
  const { nftables } = JSON.parse(json) as Listed;
  const sets = nftables.flatMap(({ set, map }) => set ?? map ?? []);
  return new Map(
    sets.map(({ name, elem = [] }) => {
      const ranges = elem.map(rangesOf);
      const elements = ranges.map((parts) => ({
        key: parts.map(([first]) => first),
        keyEnd: parts.map(([, last]) => last),
      }));
      return [name, elements];
    }),
  );
}

type Range = readonly [Field, Field];

/** An element is its key, a key and its value, or an object around the key. */
function rangesOf(element: unknown): readonly Range[] {
  if (Array.isArray(element)) return rangesOf(element[0]);
  if (typeof element !== 'object' || element === null) return [rangeOf(element)];
  if ('elem' in element) return rangesOf((element.elem as { readonly val: unknown }).val);
  if ('concat' in element) return (element.concat as readonly unknown[]).map(rangeOf);
  return [rangeOf(element)];
}

interface ListedRange {
  readonly prefix?: { readonly addr: string; readonly len: number };
  readonly range?: readonly [unknown, unknown];
}

function rangeOf(value: unknown): Range {
  if (typeof value !== 'object' || value === null) return [fieldOf(value), fieldOf(value)];
  const { prefix, range } = value as ListedRange;
  if (range !== undefined) return [fieldOf(range[0]), fieldOf(range[1])];
  const network = prefix === undefined ? undefined : parseNetwork(`${prefix.addr}/${prefix.len}`);
  if (network === undefined) return [JSON.stringify(value), JSON.stringify(value)];
  const { family, base } = network;
  const size = 1n << BigInt(addressBits(family) - network.prefix);
  return [
    formatAddress({ family, value: base }),
    formatAddress({ family, value: base + size - 1n }),
  ];
}

/** Links of the router come by their names: its index is what a set has. */
function fieldOf(value: unknown): Field {
  if (typeof value === 'number') return value;
  const text = String(value);
  const [, kind, digits] = /^(c|br)(\d+)$/.exec(text) ?? [];
  if (kind !== undefined) {
    return kind === 'c' ? slotBase + Number(digits) : bridgeIndex({ number: Number(digits) });
  }
  return /^\d+$/.test(text) ? Number(text) : text;
}

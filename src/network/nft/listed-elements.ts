import { slotBase } from '../../model/network.js';
import { bridgeIndex } from '../router.js';
import type { Field } from './set.js';

interface Listed {
  readonly nftables: readonly { readonly set?: ListedSet; readonly map?: ListedSet }[];
}

interface ListedSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

/** Keys of a table's elements by the name of their set, of what `nft -n -j list table` prints. */
export function listedKeys(json: string): ReadonlyMap<string, readonly (readonly Field[])[]> {
  const { nftables } = JSON.parse(json) as Listed;
  const sets = nftables.flatMap(({ set, map }) => set ?? map ?? []);
  return new Map(sets.map(({ name, elem = [] }) => [name, elem.map(keyOf)]));
}

/** An element is its key, a key and its value, or an object around the key. */
function keyOf(element: unknown): readonly Field[] {
  if (Array.isArray(element)) return keyOf(element[0]);
  if (typeof element !== 'object' || element === null) return [fieldOf(element)];
  if ('elem' in element) return keyOf((element.elem as { readonly val: unknown }).val);
  if ('concat' in element) return (element.concat as readonly unknown[]).map(fieldOf);
  return [JSON.stringify(element)];
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

/** Sets and maps of nftables, described once: the ruleset's text and the messages that change elements are made of this. */

/** What one part of a key or of a map's value is; each takes a multiple of four bytes. */
export type FieldType = 'link' | 'mark' | 'ipv4' | 'ipv6' | 'mac' | 'protocol' | 'port';

/** A link is its interface index, a mark a number, a protocol its number, an address or MAC its text. */
export type Field = number | string;

export interface SetDefinition {
  readonly name: string;
  /** Type of the key, part by part. */
  readonly key: readonly FieldType[];
  /** Of a map: type of its values. */
  readonly data?: readonly FieldType[];
  /** Keys are ranges, in each of their parts. @default false */
  readonly interval?: boolean;
  /** Elements may end by themselves. @default false */
  readonly timeout?: boolean;
}

/** What nft(8) calls the types. */
const nftNames: Readonly<Record<FieldType, string>> = {
  link: 'iface_index',
  mark: 'mark',
  ipv4: 'ipv4_addr',
  ipv6: 'ipv6_addr',
  mac: 'ether_addr',
  protocol: 'inet_proto',
  port: 'inet_service',
};

function typeText(fields: readonly FieldType[]): string {
  return fields.map((field) => nftNames[field]).join(' . ');
}

/** The declaration as nft(8) reads it. */
export function setText(definition: SetDefinition): string {
  const { name, key, data, interval, timeout } = definition;
  const kind = data === undefined ? 'set' : 'map';
  const value = data === undefined ? '' : ` : ${typeText(data)}`;
  const flags = [
    ...(interval === true ? ['interval'] : []),
    ...(timeout === true ? ['timeout'] : []),
  ];
  const flagText = flags.length === 0 ? '' : ` flags ${flags.join(', ')};`;
  return `${kind} ${name} { type ${typeText(key)}${value};${flagText} }`;
}

/** An element of a set or a map. */
export interface SetElement {
  readonly set: SetDefinition;
  readonly key: readonly Field[];
  /** Last key of a range (sets with `interval`); the first alone otherwise. */
  readonly keyEnd?: readonly Field[];
  /** Of a map. */
  readonly data?: readonly Field[];
  /** It ends by itself after so many ms (sets with `timeout`). */
  readonly timeoutMs?: number;
}

/** The element by its key alone, whatever its value is. */
export function withoutData({ set, key, keyEnd }: SetElement): SetElement {
  const { name, key: types, interval } = set;
  return {
    set: { name, key: types, ...(interval === undefined ? {} : { interval }) },
    key,
    ...(keyEnd === undefined ? {} : { keyEnd }),
  };
}

export type TableFamily = 'inet' | 'bridge';

/** NFPROTO_* of linux/netfilter.h. */
export const tableFamilies: Readonly<Record<TableFamily, number>> = { inet: 1, bridge: 7 };

/** Commands that add elements, as nft(8) reads them: behind a ruleset they are part of its transaction. */
export function elementsText(
  family: TableFamily,
  table: string,
  elements: readonly SetElement[],
): string {
  const lines = new Map<SetDefinition, string[]>();
  for (const element of elements) {
    const known = lines.get(element.set) ?? [];
    known.push(elementText(element));
    lines.set(element.set, known);
  }
  return [...lines]
    .map(([{ name }, items]) => `add element ${family} ${table} ${name} { ${items.join(', ')} }\n`)
    .join('');
}

function elementText({ key, keyEnd, data, timeoutMs }: SetElement): string {
  const fields = key.map((field, index) => {
    const last = keyEnd?.[index] ?? field;
    return last === field ? String(field) : `${field}-${last}`;
  });
  const timeout = timeoutMs === undefined ? '' : ` timeout ${timeoutMs}ms`;
  const value = data === undefined ? '' : ` : ${data.join(' . ')}`;
  return `${fields.join(' . ')}${timeout}${value}`;
}

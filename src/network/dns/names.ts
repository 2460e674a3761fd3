/** What the resolver knows: networks and names, by the address that asks. Implemented over the records. */

/** A container as the resolver sees it: who asks. */
export interface Asker {
  readonly container: string;
  /** Networks by their numbers; names are looked up on these alone. */
  readonly networks: readonly number[];
  /** What it may look up outside; null: everything. */
  readonly allowed: AllowedNames | null;
  /** `--dns`: asked instead of the host's; empty: the host's. */
  readonly servers: readonly string[];
}

/** Names of an egress policy. */
export interface AllowedNames {
  /** Number of the policy. */
  readonly policy: number;
  /** Lower case; `*.name` stands for every name below. */
  readonly names: readonly AllowedName[];
}

export interface AllowedName {
  readonly name: string;
  /** 0: every port. */
  readonly port: number;
}

export interface NamesSource {
  /** undefined: no container has this address. */
  asker(address: string): Asker | undefined;
  /** Addresses of a name or an alias on a network; empty: nobody has it. The name is in lower case. */
  lookup(network: number, name: string): readonly string[];
  /** Names of whoever has the address on one of the networks. */
  reverse(networks: readonly number[], address: string): readonly string[];
}

/** The rules of an egress policy that a name falls under; none: it may not be looked up. */
export function allowedBy({ names }: AllowedNames, name: string): readonly AllowedName[] {
  return names.filter((allowed) =>
    allowed.name.startsWith('*.')
      ? name.length > allowed.name.length - 1 && name.endsWith(allowed.name.slice(1))
      : name === allowed.name,
  );
}

/**
 * Warren's table on the host, one per data root. Its rules never change: each published port is an element of a map.
 *
 * - A packet to a published port goes to the container (`published*`), from outside, from the host itself and from containers. What
 *   comes from 127.0.0.1, ::1 or from a container gets the address of the host's link, so that the answer comes back this way.
 * - What containers send out gets the address of the link that it leaves by.
 * - From outside only published ports are reachable, whatever routes others have to the containers' addresses.
 * - The link routes 127.0.0.0/8 (for published ports on 127.0.0.1); a container that sends there itself is dropped before.
 */
import { setText, type SetDefinition } from '../nft/set.js';

type HostSetName = 'published4' | 'published6' | 'publishedAny4' | 'publishedAny6';

export const hostSets: Readonly<Record<HostSetName, SetDefinition>> = {
  /** Address, protocol and port of the host: address and port of a container. */
  published4: {
    name: 'published4',
    key: ['ipv4', 'protocol', 'port'],
    data: ['ipv4', 'port'],
  },
  published6: {
    name: 'published6',
    key: ['ipv6', 'protocol', 'port'],
    data: ['ipv6', 'port'],
  },
  /** The same for every address of the host. */
  publishedAny4: {
    name: 'published_any4',
    key: ['protocol', 'port'],
    data: ['ipv4', 'port'],
  },
  publishedAny6: {
    name: 'published_any6',
    key: ['protocol', 'port'],
    data: ['ipv6', 'port'],
  },
};

export interface HostTableOptions {
  /** Name of the table, one per data root. */
  readonly table: string;
  /** Name of the host's link to the router. */
  readonly link: string;
}

/** Makes the table, without elements, in one transaction that fails when it is there. */
export function hostRuleset({ table, link }: HostTableOptions): string {
  const sets = Object.values(hostSets).map((set) => `  ${setText(set)}`);
  return `create table inet ${table}
table inet ${table} {
${sets.join('\n')}
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @published4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6
    fib daddr type local dnat ip to meta l4proto . th dport map @published_any4
    fib daddr type local dnat ip6 to meta l4proto . th dport map @published_any6
  }
  chain arrive {
    type filter hook prerouting priority raw; policy accept;
    iifname "${link}" ip daddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    jump publish
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${link}" accept
    oifname "${link}" ct state established,related accept
    oifname "${link}" ct status dnat accept
    oifname "${link}" drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname "${link}" masquerade
    oifname "${link}" ip saddr 127.0.0.0/8 masquerade
    oifname "${link}" ip6 saddr ::1 masquerade
  }
}
`;
}

/**
 * Warren's table in the router. Its rules never change: networks, containers and what they may reach are elements.
 *
 * A packet of a container is dropped unless link and source address belong together (`source4`); the same look-up gives it
 * its network's mark. It reaches another container when mark and outgoing link are in `members`, and the host unless its network is
 * internal. Packets of containers with egress rules need an element of `allow*` instead. All of them reach the resolver, which is in
 * the router.
 *
 * Connections are tracked only for containers on internal networks or with egress rules (`tracked4`): for these alone a reply
 * may pass where a first packet may not.
 */
import { setText, type SetDefinition } from '../nft/set.js';
import { hexMark, internalMark, restrictedMark } from './marks.js';

export const routerTable = 'warren';

type RouterSetName =
  | 'source4'
  | 'source6'
  | 'members'
  | 'tracked4'
  | 'tracked6'
  | 'policies'
  | 'allow4'
  | 'allow6'
  | 'allowPort4'
  | 'allowPort6'
  | 'allowNet4'
  | 'allowNet6'
  | 'allowNetPort4'
  | 'allowNetPort6';

export const routerSets: Readonly<Record<RouterSetName, SetDefinition>> = {
  /** Link and address of a container: its mark. */
  source4: { name: 'source4', key: ['link', 'ipv4'], data: ['mark'] },
  source6: { name: 'source6', key: ['link', 'ipv6'], data: ['mark'] },
  /** Mark of a network, with and without egress rules, and link of a container on it. */
  members: { name: 'members', key: ['mark', 'link'] },
  tracked4: { name: 'tracked4', key: ['ipv4'] },
  tracked6: { name: 'tracked6', key: ['ipv6'] },
  /** Link of a container with egress rules: the number of its policy. */
  policies: { name: 'policies', key: ['link'], data: ['mark'] },
  /** Number of a policy and what it allows: addresses, one port of them, networks, ports of them. */
  allow4: { name: 'allow4', key: ['mark', 'ipv4'], timeout: true },
  allow6: { name: 'allow6', key: ['mark', 'ipv6'], timeout: true },
  allowPort4: { name: 'allow_port4', key: ['mark', 'ipv4', 'port'], timeout: true },
  allowPort6: { name: 'allow_port6', key: ['mark', 'ipv6', 'port'], timeout: true },
  allowNet4: { name: 'allow_net4', key: ['mark', 'ipv4'], interval: true },
  allowNet6: { name: 'allow_net6', key: ['mark', 'ipv6'], interval: true },
  allowNetPort4: { name: 'allow_net_port4', key: ['mark', 'ipv4', 'port'], interval: true },
  allowNetPort6: { name: 'allow_net_port6', key: ['mark', 'ipv6', 'port'], interval: true },
};

export interface RouterTableOptions {
  /** Name of the router's link to the host. */
  readonly uplink: string;
  /** IPv4 address of the router at which the resolver answers. */
  readonly resolver: string;
}

/** Packets with questions that a container may send in a second, and at once after a pause. */
const questions = 'rate over 500/second burst 1000 packets';

/** Makes the table, without elements, in one transaction that fails when it is there. */
export function routerRuleset(options: RouterTableOptions): string {
  const sets = Object.values(routerSets).map((set) => `  ${setText(set)}`);
  return `create table inet ${routerTable}
table inet ${routerTable} {
${sets.join('\n')}
  set askers { type ipv4_addr; size 65536; flags dynamic, timeout; timeout 1m; }
${arrival(options.uplink)}
${forwarding(options.uplink)}
${leaving}
${input(options)}
}
`;
}

function arrival(uplink: string): string {
  return `  chain arrive {
    type filter hook prerouting priority raw; policy drop;
    iifname "lo" accept
    iifname "${uplink}" goto track
    meta mark set iif . ip saddr map @source4
    meta mark set iif . ip6 saddr map @source6
    meta mark & ${hexMark(internalMark | restrictedMark)} != 0 accept
    meta mark != 0 goto track
    ip6 saddr fe80::/10 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain track {
    ip daddr @tracked4 accept
    ip6 daddr @tracked6 accept
    notrack accept
  }`;
}

function forwarding(uplink: string): string {
  return `  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "${uplink}" accept
    oifname "${uplink}" goto leave
    meta mark . oif != @members drop
    meta mark & ${hexMark(restrictedMark)} != 0 goto egress
    accept
  }`;
}

const leaving = `  chain leave {
    meta mark & ${hexMark(internalMark)} != 0 drop
    meta mark & ${hexMark(restrictedMark)} != 0 goto egress
    accept
  }
  chain egress {
    meta mark set iif map @policies
    meta mark . ip daddr @allow4 accept
    meta mark . ip6 daddr @allow6 accept
    meta mark . ip daddr @allow_net4 accept
    meta mark . ip6 daddr @allow_net6 accept
    meta l4proto { tcp, udp } jump ports
    reject with icmpx admin-prohibited
  }
  chain ports {
    meta mark . ip daddr . th dport @allow_port4 accept
    meta mark . ip6 daddr . th dport @allow_port6 accept
    meta mark . ip daddr . th dport @allow_net_port4 accept
    meta mark . ip6 daddr . th dport @allow_net_port6 accept
  }`;

/** Only the resolver listens in the router, which answers pings and neighbours. Who asks it too much is not heard. */
function input({ uplink, resolver }: RouterTableOptions): string {
  return `  chain input {
    type filter hook input priority filter; policy drop;
    iifname { "lo", "${uplink}" } accept
    ip daddr ${resolver} meta l4proto { tcp, udp } th dport 53 goto ask
    icmp type echo-request accept
    icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept
  }
  chain ask {
    tcp flags & (syn | ack) != syn accept
    update @askers { ip saddr limit ${questions} } drop
    accept
  }`;
}

/** Warren's second table in the router: on bridges a container speaks with its own MAC and IP addresses alone. */
import { setText, type SetDefinition } from '../nft/set.js';

export const bridgeTable = 'warren';

type BridgeSetName = 'senders' | 'senders4' | 'senders6';

export const bridgeSets: Readonly<Record<BridgeSetName, SetDefinition>> = {
  /** Link and MAC address of a container on a bridge. */
  senders: { name: 'senders', key: ['link', 'mac'] },
  senders4: { name: 'senders4', key: ['link', 'ipv4'] },
  senders6: { name: 'senders6', key: ['link', 'ipv6'] },
};

/** Makes the table, without elements, in one transaction that fails when it is there. */
export function bridgeRuleset(): string {
  const sets = Object.values(bridgeSets).map((set) => `  ${setText(set)}`);
  return `create table bridge ${bridgeTable}
table bridge ${bridgeTable} {
${sets.join('\n')}
  chain arrive {
    type filter hook prerouting priority -300; policy accept;
    iif . ether saddr != @senders drop
    ether type ip iif . ip saddr != @senders4 drop
    ether type arp iif . arp saddr ip != @senders4 drop
    ether type ip6 ip6 saddr != { ::, fe80::/10 } iif . ip6 saddr != @senders6 drop
  }
}
`;
}

import type { SetElement } from '../nft/set.js';
import { bridgeSets } from './bridge-table.js';
import { internalMark, restrictedMark } from './marks.js';
import { routerSets } from './router-table.js';

/** What the firewall knows of a container's place on a network. */
export interface FirewallEndpoint {
  /** Interface index in the router of the link that its packets come from: its own, or the bridge. */
  readonly link: number;
  /** Its port of the bridge; null: it is on none. */
  readonly bridgePort: { readonly link: number; readonly mac: string } | null;
  /** Number of its network. */
  readonly network: number;
  readonly internal: boolean;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** Number of its egress policy; 0: everything is allowed. */
  readonly policy: number;
}

/** Elements of the router's tables that an endpoint has. */
export interface EndpointElements {
  readonly router: readonly SetElement[];
  readonly bridge: readonly SetElement[];
}

/** A fixed number of elements, whatever else there is. */
export function endpointElements(endpoint: FirewallEndpoint): EndpointElements {
  return { router: routerElements(endpoint), bridge: bridgeElements(endpoint) };
}

function routerElements(endpoint: FirewallEndpoint): readonly SetElement[] {
  const { link, ipv4, ipv6, policy } = endpoint;
  const network = (endpoint.network | (endpoint.internal ? internalMark : 0)) >>> 0;
  const restricted = (network | restrictedMark) >>> 0;
  const mark = policy === 0 ? network : restricted;
  const tracked = endpoint.internal || policy !== 0;
  // Containers of a bridge reach each other on it: their packets do not come here.
  const found: SetElement[] =
    endpoint.bridgePort !== null
      ? []
      : [network, restricted].map((key) => ({ set: routerSets.members, key: [key, link] }));
  if (ipv4 !== null) found.push({ set: routerSets.source4, key: [link, ipv4], data: [mark] });
  if (ipv6 !== null) found.push({ set: routerSets.source6, key: [link, ipv6], data: [mark] });
  if (tracked && ipv4 !== null) found.push({ set: routerSets.tracked4, key: [ipv4] });
  if (tracked && ipv6 !== null) found.push({ set: routerSets.tracked6, key: [ipv6] });
  if (policy !== 0) found.push({ set: routerSets.policies, key: [link], data: [policy] });
  return found;
}

function bridgeElements({ bridgePort, ipv4, ipv6 }: FirewallEndpoint): readonly SetElement[] {
  if (bridgePort === null) return [];
  const { link, mac } = bridgePort;
  return [
    { set: bridgeSets.senders, key: [link, mac] },
    ...(ipv4 === null ? [] : [{ set: bridgeSets.senders4, key: [link, ipv4] }]),
    ...(ipv6 === null ? [] : [{ set: bridgeSets.senders6, key: [link, ipv6] }]),
  ];
}

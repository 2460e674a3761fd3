import type { NetlinkBatch } from '../../host/netlink.js';
import { resolverAddress, slotBase } from '../../model/network/network.js';
import type { Place } from '../endpoint-batches.js';
import { elementsText, withoutData, type SetElement } from '../nft/set.js';
import { bridgeIndex, routerPath, uplinkName } from '../router.js';
import { addition, deletion, removal, replacement } from './batches.js';
import { bridgeRuleset, bridgeTable } from './bridge-table.js';
import { addressElements, policyOf } from './egress-elements.js';
import { endpointElements, type EndpointElements } from './container-elements.js';
import { routerRuleset, routerTable } from './router-table.js';

const router = { router: routerPath };

/** Elements of all places. macvlan has none: its packets do not come through the router. */
export function placeElements(places: readonly Place[]): EndpointElements {
  const found = places
    .filter(({ network }) => network.driver !== 'macvlan')
    .map(({ endpoint, network, egress }) => {
      const link = slotBase + endpoint.slot;
      const isBridge = network.driver === 'bridge';
      const elements = endpointElements({
        link: isBridge ? bridgeIndex(network) : link,
        bridgePort: isBridge ? { link, mac: endpoint.mac } : null,
        network: network.number,
        internal: network.internal,
        ipv4: endpoint.ipv4,
        ipv6: endpoint.ipv6,
        policy: policyOf(endpoint, egress),
      });
      const allowed = addressElements(policyOf(endpoint, egress), egress);
      return { ...elements, router: [...elements.router, ...allowed] };
    });
  return {
    router: found.flatMap((elements) => elements.router),
    bridge: found.flatMap((elements) => elements.bridge),
  };
}

/** Lets packets of these places pass; nothing changes for those that may already. */
export function admitBatches(places: readonly Place[]): readonly NetlinkBatch[] {
  const elements = placeElements(places);
  return [
    ...addition({ family: 'inet', table: routerTable, add: elements.router }, router),
    ...addition({ family: 'bridge', table: bridgeTable, add: elements.bridge }, router),
  ];
}

/** The opposite; nothing happens to those that may not. */
export function dismissBatches(places: readonly Place[]): readonly NetlinkBatch[] {
  const elements = placeElements(places);
  return [
    ...removal({ family: 'inet', table: routerTable, remove: elements.router }, router),
    ...removal({ family: 'bridge', table: bridgeTable, remove: elements.bridge }, router),
  ];
}

/** Gives places other egress rules in one transaction: each packet is judged by the ones or by the others. */
export function ruleBatches(from: readonly Place[], to: readonly Place[]): readonly NetlinkBatch[] {
  const before = placeElements(from).router;
  const after = placeElements(to).router;
  const changes = { remove: missingIn(after, before), then: missingIn(before, after) };
  return replacement({ family: 'inet', table: routerTable, ...changes }, router);
}

function missingIn(known: readonly SetElement[], of: readonly SetElement[]): SetElement[] {
  const text = ({ set, key, keyEnd, data }: SetElement): string =>
    JSON.stringify([set.name, key, keyEnd, data]);
  const texts = new Set(known.map(text));
  return of.filter((element) => !texts.has(text(element)));
}

/** Takes what routed places may have away key by key, whichever egress rules it was made for. */
export function forgetBatches(places: readonly Place[]): readonly NetlinkBatch[] {
  const restricted = places.map((place) => ({
    ...place,
    egress: { ...place.egress, policy: 'deny' } as const,
  }));
  return placeElements(restricted).router.flatMap((element) =>
    deletion({ family: 'inet', table: routerTable, remove: [withoutData(element)] }, router),
  );
}

/** What nft(8) makes the router's tables of, with the elements of what runs, in one transaction. */
export function routerTables(elements: EndpointElements): string {
  return [
    routerRuleset({ uplink: uplinkName, resolver: resolverAddress }),
    bridgeRuleset(),
    elementsText('inet', routerTable, elements.router),
    elementsText('bridge', bridgeTable, elements.bridge),
  ].join('');
}

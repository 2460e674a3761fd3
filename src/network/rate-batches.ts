import { WarrenError } from '../base/errors.js';
import type { NetlinkBatch } from '../host/netlink.js';
import { shaperBase, shaperLink, slotBase, type NetworkRates } from '../model/network/network.js';
import type { Place } from './endpoint-batches.js';
import { addReturn, removeRetired, retireLink } from './netlink/links.js';
import {
  keepArrivals,
  redirectArrivals,
  shapeLink,
  unshapeLink,
  type Bucket,
} from './netlink/shaping.js';
import { batchFor } from './router.js';

const minimumBurst = 80 * 1024;
/** Ethernet's header comes with each packet. */
const defaultPacket = 1500 + 14;
/** Two of the largest packets, which the network card would cut. */
const minimumQueue = 128 * 1024;
const queueSeconds = 0.2;

/**
 * Limits of both directions, at the router's end of each link, where the container has no say: a bucket on the link itself for what
 * goes in. What comes out takes a way round by a link of its own (`r<slot>`), whose bucket it leaves by.
 * @throws WarrenError unsupported (RATE_ON_MACVLAN)
 */
export function rateBatches(
  places: readonly Place[],
  rates: NetworkRates,
): readonly NetlinkBatch[] {
  if (!isLimited(rates)) return [];
  for (const place of places) requireRouterEnd(place);
  const { inBytesPerSecond, inBurstBytes, outBytesPerSecond, outBurstBytes } = rates;
  return batchFor('router', (out) => {
    for (const { endpoint, network } of places) {
      const link = slotBase + endpoint.slot;
      const mtu = Number(network.options['mtu'] ?? 0);
      if (inBytesPerSecond > 0) shapeLink(out, link, bucketOf(inBytesPerSecond, inBurstBytes, mtu));
      if (outBytesPerSecond === 0) continue;
      const shaper = shaperBase + endpoint.slot;
      addReturn(out, { name: shaperLink(endpoint), index: shaper });
      shapeLink(out, shaper, bucketOf(outBytesPerSecond, outBurstBytes, mtu));
      redirectArrivals(out, link, shaper);
    }
  });
}

/** Takes away the limits that `rates` has none of any more. */
export function liftBatches(
  places: readonly Place[],
  rates: NetworkRates,
): readonly NetlinkBatch[] {
  const shaped = places.filter(({ network }) => network.driver !== 'macvlan');
  return batchFor(
    'router',
    (out) => {
      for (const { endpoint } of shaped) {
        const link = slotBase + endpoint.slot;
        if (rates.inBytesPerSecond === 0) unshapeLink(out, link);
        if (rates.outBytesPerSecond > 0) continue;
        keepArrivals(out, link);
        retireLink(out, shaperBase + endpoint.slot);
      }
    },
    true,
  );
}

/** Takes away what limits leave behind when the container's links go; `retiredBatches` frees it. */
export function unshapeBatches(
  places: readonly Place[],
  rates: NetworkRates,
): readonly NetlinkBatch[] {
  if (rates.outBytesPerSecond === 0) return [];
  return batchFor(
    'router',
    (out) => {
      for (const { endpoint, network } of places)
        if (network.driver !== 'macvlan') retireLink(out, shaperBase + endpoint.slot);
    },
    true,
  );
}

/** Frees what all lifted limits have left. */
export function retiredBatches(): readonly NetlinkBatch[] {
  return batchFor('router', removeRetired, true);
}

export function isLimited({ inBytesPerSecond, outBytesPerSecond }: NetworkRates): boolean {
  return inBytesPerSecond > 0 || outBytesPerSecond > 0;
}

function bucketOf(bytesPerSecond: number, burst: number, mtu: number): Bucket {
  const wanted = burst > 0 ? burst : Math.max(Math.ceil(bytesPerSecond / 20), minimumBurst);
  const burstBytes = Math.min(Math.max(wanted, defaultPacket, mtu + 14), 0xffff_ffff);
  const waiting = Math.max(Math.ceil(bytesPerSecond * queueSeconds), minimumQueue);
  return { bytesPerSecond, burstBytes, queueBytes: waiting + burstBytes };
}

function requireRouterEnd({ network }: Place): void {
  if (network.driver !== 'macvlan') return;
  throw new WarrenError(
    'unsupported',
    'RATE_ON_MACVLAN',
    `Cannot limit the bandwidth of a container on network ${network.name}: links of a macvlan do not pass the router`,
    { hint: 'Use a network of driver routed or bridge' },
  );
}

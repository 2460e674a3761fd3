import { isDeepStrictEqual } from 'node:util';
import { WarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import {
  containerLink,
  shaperBase,
  slotBase,
  type NetworkRates,
} from '../../model/network/network.js';
import type { LimitAccount, LinkLimit, LinkStats } from '../../model/stats.js';
import type { ShaperCounters } from '../../host/port.js';
import {
  isLimited,
  liftBatches,
  rateBatches,
  retiredBatches,
  unshapeBatches,
} from '../../network/rate-batches.js';
import type { EngineContext } from '../context.js';
import { placesOf } from './launch-batches.js';

type Counters = ReadonlyMap<number, ShaperCounters>;

const noCounters: Counters = new Map();

/** Counters of all limits of the router, when one of these containers has one: one look for all of them. */
export async function rateCounters(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<Counters> {
  const limited = records.some(({ spec }) => isLimited(spec.networking.rates));
  return limited ? await context.router.shapers() : noCounters;
}

/** Counters of links, with the limits that they have. */
export function withRates(
  links: Readonly<Record<string, LinkStats>> | null,
  record: ContainerRecord,
  counters: Counters,
): Readonly<Record<string, LinkStats>> | null {
  if (links === null || !isLimited(record.spec.networking.rates)) return links;
  const changed = { ...links };
  for (const { name, limits } of linkLimits(record, counters)) {
    const link = links[name];
    if (link !== undefined) changed[name] = { ...link, limits };
  }
  return changed;
}

/** Rows of `warren limits`: what waits is held. */
export function rateAccounts(record: ContainerRecord, counters: Counters): LimitAccount[] {
  return linkLimits(record, counters).flatMap(({ name, limits }) =>
    (['in', 'out'] as const).flatMap((direction): LimitAccount[] => {
      const limit = limits[direction];
      if (limit === null) return [];
      return [
        {
          resource: `network ${direction} ${name}`,
          unit: 'bytesPerSecond',
          held: null,
          maximum: null,
          limit: limit.bytesPerSecond,
          timesHit: limit.timesHeldUp,
        },
      ];
    }),
  );
}

interface NamedLimits {
  readonly name: string;
  readonly limits: NonNullable<LinkStats['limits']>;
}

function linkLimits({ endpoints, spec }: ContainerRecord, counters: Counters): NamedLimits[] {
  const { inBytesPerSecond, outBytesPerSecond } = spec.networking.rates;
  const limitAt = (link: number, bytesPerSecond: number): LinkLimit | null => {
    const found = counters.get(link);
    return bytesPerSecond === 0 || found === undefined ? null : { bytesPerSecond, ...found };
  };
  return endpoints.map((endpoint) => ({
    name: containerLink(endpoint),
    limits: {
      in: limitAt(slotBase + endpoint.slot, inBytesPerSecond),
      out: limitAt(shaperBase + endpoint.slot, outBytesPerSecond),
    },
  }));
}

/** Changes the limits of a running container. What is refused changes nothing. */
export async function changeRates(
  context: EngineContext,
  record: ContainerRecord,
  rates: NetworkRates,
): Promise<void> {
  const places = placesOf(context, record);
  if (places.length === 0 || isDeepStrictEqual(rates, record.spec.networking.rates)) return;
  const keeper = await context.keepers.running(record.run?.keeper ?? 0);
  if (keeper === null) throw notRunning(record);
  const send = async (wanted: NetworkRates): Promise<void> => {
    await keeper.netlink('', [...rateBatches(places, wanted), ...liftBatches(places, wanted)]);
  };
  try {
    await send(rates);
  } catch (error) {
    await send(record.spec.networking.rates);
    throw error;
  }
  context.router.noteRetired();
  context.reclaimer.schedule();
}

function notRunning({ name }: ContainerRecord): WarrenError {
  return new WarrenError(
    'unavailable',
    'KEEPER_NOT_RUNNING',
    `Cannot change the bandwidth of container ${name}: its keeper does not run`,
    { hint: 'Any other command starts it: warren ps' },
  );
}

/** Takes away what a container's own cleanup does not know: limits that it got while it ran. */
export async function unshapeLater(context: EngineContext, record: ContainerRecord): Promise<void> {
  const batches = unshapeBatches(placesOf(context, record), record.spec.networking.rates);
  if (batches.length === 0 || !context.router.isPinned) return;
  const keeper = await context.keepers.master();
  await keeper.netlink('', batches);
  context.router.noteRetired();
}

/**
 * Frees links of limits that were taken away, behind what is acknowledged and all of them at once: the kernel waits 20 ms each time.
 * What a process leaves that dies before, the next one frees together with its own.
 */
export async function freeRetired(context: EngineContext): Promise<void> {
  if (!context.router.isPinned) return;
  const keeper = await context.keepers.master();
  await keeper.netlink('', retiredBatches());
}

import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { Keeper } from '../../host/port.js';
import type { ContainerRecord } from '../../model/container.js';
import { slotBase } from '../../model/network/network.js';
import type { Place } from '../../network/endpoint-batches.js';
import { deletion } from '../../network/firewall/batches.js';
import { policyOf, slotOfPolicy } from '../../network/firewall/egress-elements.js';
import {
  admitBatches,
  forgetBatches,
  ruleBatches,
} from '../../network/firewall/endpoint-firewall.js';
import { routerSets, routerTable } from '../../network/firewall/router-table.js';
import type { SetElement } from '../../network/nft/set.js';
import { routerPath } from '../../network/router.js';
import type { EngineContext } from '../context.js';
import { placesOf } from './launch-batches.js';
import type { ListedKeys } from './listed-elements.js';

/** Gives a running container the egress rules of another record of it. What is refused changes nothing. */
export async function changeEgress(
  context: EngineContext,
  from: ContainerRecord,
  to: ContainerRecord,
): Promise<void> {
  const places = placesOf(context, from);
  const batches = ruleBatches(places, placesOf(context, to));
  if (batches.length === 0) return;
  const keeper = await context.keepers.running(from.run?.keeper ?? 0);
  if (keeper === null) throw notRunning(from);
  const networks = places.map(({ network }) => network);
  await context.router.provide(keeper, networks);
  try {
    await keeper.netlink('', batches);
  } catch (error) {
    if (!isWarrenError(error) || error.details['errno'] !== 'ENOENT') throw error;
    // Somebody deleted the table: it is made again, with the rules that there were.
    context.router.forget();
    await context.router.provide(keeper, networks);
    await keeper.netlink('', batches);
  }
}

function notRunning({ name }: ContainerRecord): WarrenError {
  return new WarrenError(
    'unavailable',
    'KEEPER_NOT_RUNNING',
    `Cannot change the egress rules of container ${name}: its keeper does not run`,
    { hint: 'Any other command starts it: warren ps' },
  );
}

/** After a process died that may have been changing rules: those of the record hold, and of others nothing is left. */
export async function restoreEgress(
  context: EngineContext,
  keeper: Keeper,
  record: ContainerRecord,
): Promise<void> {
  const places = placesOf(context, record).filter(({ network }) => network.driver === 'routed');
  const listed = await context.router.elements();
  const links = new Set<unknown>(places.map(({ endpoint }) => slotBase + endpoint.slot));
  const restricted = listed?.get(routerSets.policies.name) ?? [];
  const isRestricted = restricted.some(({ key: [link] }) => links.has(link));
  if (record.spec.networking.egress.policy === 'allow' && !isRestricted) return;
  await keeper.netlink('', [
    ...forgetBatches(places),
    ...admitBatches(places),
    ...strays(places, listed).flatMap((element) =>
      deletion({ family: 'inet', table: routerTable, remove: [element] }, { router: routerPath }),
    ),
  ]);
}

/** What other revisions of these places' rules allowed. */
function strays(places: readonly Place[], listed: ListedKeys | null): readonly SetElement[] {
  const current = new Map(
    places.map(({ endpoint, egress }) => [endpoint.slot, policyOf(endpoint, egress)]),
  );
  const ruleSets = Object.values(routerSets).filter(({ interval }) => interval === true);
  return ruleSets.flatMap((set) =>
    (listed?.get(set.name) ?? [])
      .filter(({ key: [policy] }) => {
        const valid = current.get(slotOfPolicy(Number(policy)));
        return valid !== undefined && valid !== policy;
      })
      .map((element) => ({ set, ...element })),
  );
}

import { isWarrenError, WarrenError } from '../../../base/errors.js';
import { deepFreeze } from '../../../base/freeze.js';
import type { Keeper } from '../../../host/port.js';
import type { ContainerSpec } from '../../../model/container-config.js';
import type { ContainerRecord } from '../../../model/container.js';
import type { PortMapping, PublishedPort } from '../../../model/network/network.js';
import { hasPorts } from '../../../model/status.js';
import { validateSpec } from '../../../model/validate/validate-spec.js';
import { publishBatches } from '../../../network/firewall/published-ports.js';
import type { EngineContext } from '../../context.js';
import type { PortSelection } from '../../contract.js';
import { compileContainer } from '../../launch/launch-input.js';
import { storePlan } from '../../launch/stored-plan.js';
import { type LockedContainer, withContainerLock } from '../../state/container-lock.js';
import { readState } from '../../state/read-states.js';
import { clearPorts, dismissPorts } from './host-ports.js';
import { networksOf } from '../launch-batches.js';
import { claiming, pickPorts } from './ports.js';
import { publishedElements } from './published-elements.js';

/**
 * Publishes more ports of a container, at once when it runs; it has them at its later starts too.
 * @throws WarrenError conflict (PORT_IN_USE), invalidArgument, exhausted (NO_FREE_PORT)
 */
export async function publishPorts(
  context: EngineContext,
  container: ContainerRecord,
  mappings: readonly PortMapping[],
): Promise<readonly PublishedPort[]> {
  return await changePorts(context, container, async (locked, keeper) => {
    const spec = withPublish(locked.record.spec, (publish) => [...publish, ...mappings]);
    validateSpec(spec);
    if (keeper === null) {
      await commit(context, locked, (found) => ({ ...found, spec }));
      return [];
    }
    const { ports, changed } = await claiming(context, mappings, async () => {
      const taken = new Set<string>();
      const picked = await pickPorts(context, { record: locked.record, taken }, mappings);
      const after = await commit(context, locked, (found) => ({
        ...found,
        spec,
        ports: [...found.ports, ...picked],
      }));
      return { ports: picked, changed: after };
    });
    try {
      await admitPorts(context, keeper, { ...changed, ports });
    } catch (error) {
      await commit(context, locked, (found) => ({
        ...found,
        spec: locked.record.spec,
        ports: locked.record.ports,
      }));
      throw error;
    }
    keepForRestarts(context, changed);
    return ports;
  });
}

/**
 * Ends the publishing of ports, at once when the container runs. Connections that there are go on.
 * @throws WarrenError notFound (PORT_NOT_PUBLISHED)
 */
export async function unpublishPorts(
  context: EngineContext,
  container: ContainerRecord,
  selections: readonly PortSelection[],
): Promise<readonly PublishedPort[]> {
  return await changePorts(context, container, async (locked, keeper) => {
    const { record } = locked;
    for (const selection of selections) requirePublished(record, selection);
    const isGone = (port: PublishedPort): boolean => selections.some((each) => selects(each, port));
    const gone = record.ports.filter(isGone);
    const rest = (mappings: readonly PortMapping[]): readonly PortMapping[] =>
      mappings.filter((mapping) => !selections.some((each) => selectsMapping(each, mapping)));
    if (keeper !== null) await dismissPorts(context, [{ ...record, ports: gone }]);
    const changed = await commit(context, locked, (found) => ({
      ...found,
      spec: withPublish(found.spec, rest),
      ports: found.ports.filter((port) => !isGone(port)),
    }));
    if (keeper !== null) keepForRestarts(context, changed);
    return gone;
  });
}

/** Makes the kernel publish what the record says; what a process left undone is completed. */
export async function admitPorts(
  context: EngineContext,
  keeper: Keeper,
  record: ContainerRecord,
): Promise<void> {
  const table = context.router.hostSide?.table;
  if (table === undefined || record.ports.length === 0) return;
  const batches = publishBatches(table, publishedElements(context, record));
  for (let tries = 1; ; tries += 1) {
    await context.router.provide(keeper, networksOf(context, record));
    try {
      await keeper.netlink('', batches);
      return;
    } catch (error) {
      if (tries > 2 || !isWarrenError(error)) throw error;
      // The table is gone, or holds what a container left that had the port.
      if (error.details['errno'] === 'ENOENT') context.router.forget();
      else if (error.details['errno'] === 'EEXIST') await clearPorts(context, keeper, record);
      else throw error;
    }
  }
}

/** Under the container's lock, with the keeper of its run when it has one, and an intent for a crash in between. */
async function changePorts<T>(
  context: EngineContext,
  container: ContainerRecord,
  work: (locked: LockedContainer, keeper: Keeper | null) => Promise<T>,
): Promise<T> {
  return await withContainerLock(context, container, {
    operation: 'port',
    work: async (locked) => {
      const { status } = await readState(context, locked.record);
      const keeper = hasPorts(status)
        ? await context.keepers.running(locked.record.run?.keeper ?? 0)
        : null;
      return await withNetworkIntent(context, container.id, async () => work(locked, keeper));
    },
  });
}

/** What a crash leaves undone, the next engine completes: record and kernel say the same then (`completeNetwork`). */
export async function withNetworkIntent<T>(
  context: EngineContext,
  container: string,
  work: () => Promise<T>,
): Promise<T> {
  const intent = await context.records.intents.begin({
    ...context.self,
    operation: 'network',
    subjects: [container],
  });
  try {
    return await work();
  } finally {
    await context.records.intents.end(intent);
  }
}

async function commit(
  context: EngineContext,
  { record, fence }: LockedContainer,
  change: (found: ContainerRecord) => ContainerRecord,
): Promise<ContainerRecord> {
  const [changed] = await context.records.containers.change([record.id], fence, change);
  return changed ?? record;
}

/** The keeper starts it again with the ports that it has now. */
export function keepForRestarts(context: EngineContext, record: ContainerRecord): void {
  if (record.spec.restart.name === 'no') return;
  storePlan(context, record.id, compileContainer(context, record).plan);
}

function withPublish(
  spec: ContainerSpec,
  change: (publish: readonly PortMapping[]) => readonly PortMapping[],
): ContainerSpec {
  const { networking } = spec;
  return deepFreeze({
    ...spec,
    networking: { ...networking, publish: change(networking.publish) },
  });
}

function selects(selection: PortSelection, port: PublishedPort): boolean {
  return (
    selection.protocol === port.protocol &&
    selection.containerPort === port.containerPort &&
    (selection.hostPort === 0 || selection.hostPort === port.hostPort) &&
    (selection.hostIp === '' || selection.hostIp === port.hostIp)
  );
}

function selectsMapping(selection: PortSelection, mapping: PortMapping): boolean {
  const { hostPort, hostPortEnd } = mapping;
  const inRange = selection.hostPort >= hostPort && selection.hostPort <= hostPortEnd;
  // One on a random port is known by the port that it got.
  const known = selection.hostPort === 0 || hostPort === 0 || inRange;
  return known && selects({ ...selection, hostPort: 0 }, mapping);
}

function requirePublished({ name, ports, spec }: ContainerRecord, selection: PortSelection): void {
  if (ports.some((port) => selects(selection, port))) return;
  if (spec.networking.publish.some((mapping) => selectsMapping(selection, mapping))) return;
  const { containerPort, protocol } = selection;
  throw new WarrenError(
    'notFound',
    'PORT_NOT_PUBLISHED',
    `No public port '${containerPort}/${protocol}' published for ${name}`,
    { hint: `See warren port ${name}` },
  );
}

import { isWarrenError, WarrenError } from '../../../base/errors.js';
import { mapBounded } from '../../../base/limit.js';
import { parseAddress } from '../../../base/ip.js';
import type { ContainerSpec } from '../../../model/container-config.js';
import type { ContainerId, ContainerRecord } from '../../../model/container.js';
import type { PortMapping, PublishedPort } from '../../../model/network/network.js';
import type { EngineContext } from '../../context.js';
import { reconcile } from '../../system/reconcile.js';
import { leadsOutside } from '../host-side.js';
import { networksOf } from '../launch-batches.js';

const portsInFlight = 32;
const maximumTries = 16;

/** What a container asks to be published, with the exposed ports that `-P` adds. */
export function wantedPorts({ networking }: ContainerSpec): readonly PortMapping[] {
  const { publish, publishAll, expose } = networking;
  if (!publishAll) return publish;
  const isNamed = ({ port, protocol }: (typeof expose)[number]): boolean =>
    publish.some((each) => each.containerPort === port && each.protocol === protocol);
  return [
    ...publish,
    ...expose
      .filter((exposed) => !isNamed(exposed))
      .map(({ port, protocol }) => ({
        protocol,
        hostIp: '',
        hostPort: 0,
        hostPortEnd: 0,
        containerPort: port,
      })),
  ];
}

/**
 * Commits records of containers that begin to run, with the ports that they hold meanwhile. A port that is held by a container
 * whose end nobody has committed yet is taken over; one that was picked is picked again when another process was faster.
 * @throws WarrenError conflict (PORT_IN_USE), exhausted (NO_FREE_PORT), invalidArgument (PORTS_NEED_NETWORK, NO_SUCH_HOST_ADDRESS)
 */
export async function claimingPorts<T>(
  context: EngineContext,
  records: readonly ContainerRecord[],
  commit: (records: readonly ContainerRecord[]) => Promise<T>,
): Promise<T> {
  const mappings = records.flatMap(({ phase, spec }) =>
    phase === 'started' ? wantedPorts(spec) : [],
  );
  if (mappings.length === 0) return await commit(records);
  return await claiming(context, mappings, async () => {
    const taken = new Set<string>();
    const complete = await mapBounded(records, portsInFlight, async (record) => {
      if (record.phase !== 'started') return record;
      const ports = await pickPorts(context, { record, taken }, wantedPorts(record.spec));
      return { ...record, ports };
    });
    return await commit(complete);
  });
}

/** Picks and commits ports, again as long as it may end otherwise. */
export async function claiming<T>(
  context: EngineContext,
  mappings: readonly PortMapping[],
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === maximumTries || !(await mayTryAgain(context, mappings, error))) throw error;
    }
  }
}

export interface PickRequest {
  readonly record: ContainerRecord;
  /** What was picked in one go with these. */
  readonly taken: Set<string>;
}

/** Ports of the host for these mappings. @throws as `claimingPorts` */
export async function pickPorts(
  context: EngineContext,
  { record, taken }: PickRequest,
  mappings: readonly PortMapping[],
): Promise<readonly PublishedPort[]> {
  return await mapBounded(mappings, 1, async (mapping) => {
    requireTarget(context, record, mapping);
    return await context.ports.pick(mapping, taken);
  });
}

async function mayTryAgain(
  context: EngineContext,
  mappings: readonly PortMapping[],
  error: unknown,
): Promise<boolean> {
  if (!isWarrenError(error, 'conflict', 'PORT_IN_USE')) return false;
  const { container, protocol, port, hostIp } = error.details;
  if (typeof container !== 'string') return false;
  const isFixed = mappings.some(
    (each) => each.protocol === protocol && each.hostPort === port && each.hostPortEnd === port,
  );
  if (!isFixed) return true;
  const owner = context.records.containers.get(container as ContainerId);
  // One of this very batch, which is not stored yet.
  if (owner === undefined) return false;
  await reconcile(context);
  const conflict = { protocol, hostIp, hostPort: port, containerPort: 0 } as PublishedPort;
  return context.records.ports.owner(conflict) !== container;
}

function requireTarget(
  context: EngineContext,
  record: ContainerRecord,
  { hostIp, containerPort, protocol }: PortMapping,
): void {
  const attempt = `Cannot publish port ${containerPort}/${protocol} of container ${record.name || record.id.slice(0, 12)}`;
  if (!context.settings.hostNat) {
    throw new WarrenError(
      'unsupported',
      'HOST_NAT_OFF',
      `${attempt}: this engine leaves the host’s firewall alone`,
      { hint: 'Run it without WARREN_HOST_NAT=0, or reach the container by its address' },
    );
  }
  const networks = networksOf(context, record);
  const network = networks.find(leadsOutside);
  if (network === undefined) {
    throw new WarrenError(
      'invalidArgument',
      'PORTS_NEED_NETWORK',
      `${attempt}: none of its networks has a way to the outside`,
      { hint: 'Connect it to a routed or bridge network that is not internal' },
    );
  }
  const family = parseAddress(hostIp)?.family;
  if (family === undefined || hostIp === '::') return;
  if (network.subnets.some((subnet) => subnet.family === family)) return;
  throw new WarrenError(
    'invalidArgument',
    'PORTS_NEED_NETWORK',
    `${attempt} on ${hostIp}: network ${network.name} has no IPv${family}`,
    { hint: 'Leave the address out, or make a network with IPv6: warren network create --ipv6' },
  );
}

import type { ContainerRecord } from '../../../model/container.js';
import { portElements } from '../../../network/firewall/port-elements.js';
import type { SetElement } from '../../../network/nft/set.js';
import type { EngineContext } from '../../context.js';
import { leadsOutside } from '../host-side.js';

/**
 * Elements of the host's table that the container's ports are. They lead to its first place on a network that the host reaches and that
 * has a way out.
 */
export function publishedElements(
  context: EngineContext,
  { endpoints, ports }: Pick<ContainerRecord, 'endpoints' | 'ports'>,
): readonly SetElement[] {
  if (ports.length === 0) return [];
  const byIndex = [...endpoints].sort((a, b) => a.index - b.index);
  const target = byIndex.find((endpoint) => {
    const network = context.records.networks.get(endpoint.network);
    return network !== undefined && leadsOutside(network);
  });
  return target === undefined ? [] : portElements(ports, target);
}

import type { ListedNetwork } from '../../engine/contract.js';
import type { ListView } from '../render/format.js';

/** How `network ls` shows networks. */
export function networkView(options: { readonly truncate: boolean }): ListView<ListedNetwork> {
  return {
    headings: {
      ID: 'NETWORK ID',
      Name: 'NAME',
      Driver: 'DRIVER',
      Scope: 'SCOPE',
      Subnets: 'SUBNETS',
      Containers: 'CONTAINERS',
      Internal: 'INTERNAL',
      IPv6: 'IPV6',
      Labels: 'LABELS',
      CreatedAt: 'CREATED AT',
    },
    columns: ['ID', 'Name', 'Driver', 'Subnets', 'Containers'],
    row: (network) => ({
      ID: options.truncate ? network.id.slice(0, 12) : network.id,
      Name: network.name,
      Driver: network.driver,
      Scope: 'local',
      Subnets: network.subnets.map(({ subnet }) => subnet).join(','),
      Containers: String(network.usedBy.length),
      Internal: String(network.internal),
      IPv6: String(network.subnets.some(({ family }) => family === 6)),
      Labels: Object.entries(network.labels)
        .map((pair) => pair.join('='))
        .join(','),
      CreatedAt: new Date(network.createdAtMs).toISOString(),
      Label: (key: unknown) => (typeof key === 'string' ? (network.labels[key] ?? '') : ''),
    }),
  };
}

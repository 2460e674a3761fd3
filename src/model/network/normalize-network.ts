import { WarrenError } from '../../base/errors.js';
import type { ContainerConfig, ContainerSpec } from '../container-config.js';
import * as defaults from '../defaults.js';
import type { ImageConfig } from '../image.js';
import {
  isNetworkName,
  type ExposedPort,
  type NetworkAttachment,
  type TransportProtocol,
} from './network.js';

/** Networks, ports and names of a config, with the ports that the image exposes. */
export function networkOf(
  config: ContainerConfig,
  image: Pick<ImageConfig, 'exposedPorts'>,
): Pick<ContainerSpec, 'network' | 'networking'> {
  const attachments = attachmentsOf(config);
  return {
    network: attachments[0]?.network ?? config.network ?? defaults.defaultNetwork,
    networking: {
      attachments,
      publish: config.publish ?? [],
      publishAll: config.publishAll ?? false,
      expose: exposedOf(config, image),
      dns: config.dns ?? [],
      dnsSearch: config.dnsSearch ?? [],
      dnsOptions: config.dnsOptions ?? [],
      rates: { ...defaults.defaultNetworkRates, ...config.netRates },
      egress: config.egress ?? defaults.defaultEgress,
    },
  };
}

/** `network` alone is short for one attachment without wishes. */
function attachmentsOf(config: ContainerConfig): readonly NetworkAttachment[] {
  const { network, networks = [] } = config;
  if (networks.length === 0) {
    const mode = network ?? defaults.defaultNetwork;
    return isNetworkName(mode) ? [{ network: mode }] : [];
  }
  if (network !== undefined && network !== networks[0]?.network) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_NETWORK',
      `Invalid network: "${network}" is not the first of networks`,
      { hint: 'Give one of network and networks' },
    );
  }
  return networks;
}

function exposedOf(
  config: ContainerConfig,
  image: Pick<ImageConfig, 'exposedPorts'>,
): readonly ExposedPort[] {
  const found = new Map<string, ExposedPort>();
  const ports = [...image.exposedPorts.flatMap(exposedPort), ...(config.expose ?? [])];
  for (const port of ports) found.set(`${port.port}/${port.protocol}`, port);
  return [...found.values()];
}

/** `80`, `80/tcp`; what else an image has cannot be published and is left out. */
function exposedPort(text: string): readonly ExposedPort[] {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) return [];
  return [{ port: Number(match[1]), protocol: (match[2] ?? 'tcp') as TransportProtocol }];
}

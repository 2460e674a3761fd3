import { parseAddress } from '../../base/ip.js';
import { isNetworkName, type PortMapping } from '../network/network.js';
import { type Check, refuse, requireInteger } from './check.js';

const lastPort = 65_535;
const protocols: readonly string[] = ['tcp', 'udp', 'sctp'];

/** @throws WarrenError invalidArgument (INVALID_CONFIG) */
export function requireMapping(mapping: PortMapping): void {
  const { protocol, hostIp, hostPort, hostPortEnd, containerPort } = mapping;
  if (!protocols.includes(protocol))
    refuse('publish.protocol', `"${protocol}" is not one of ${protocols.join(', ')}`);
  if (hostIp !== '' && parseAddress(hostIp) === undefined)
    refuse('publish.hostIp', `"${hostIp}" is no address`);
  requireInteger('publish.containerPort', containerPort, { minimum: 1, maximum: lastPort });
  requireInteger('publish.hostPort', hostPort, { minimum: 0, maximum: lastPort });
  requireInteger('publish.hostPortEnd', hostPortEnd, { minimum: hostPort, maximum: lastPort });
  if (hostPort === 0 && hostPortEnd !== 0)
    refuse('publish.hostPortEnd', `must be 0 when hostPort is, not ${hostPortEnd}`);
}

const mappingsAreComplete: Check = ({ networking }) => {
  for (const mapping of networking.publish) requireMapping(mapping);
};

const exposedAreComplete: Check = ({ networking }) => {
  for (const { port, protocol } of networking.expose) {
    requireInteger('expose.port', port, { minimum: 1, maximum: lastPort });
    if (!protocols.includes(protocol))
      refuse('expose.protocol', `"${protocol}" is not one of ${protocols.join(', ')}`);
  }
};

const portsNeedNetwork: Check = ({ network, networking }) => {
  if (networking.publish.length === 0 && !networking.publishAll) return;
  if (isNetworkName(network)) return;
  refuse(
    'publish',
    `ports are published on a network, and this container’s is ${network}`,
    network === 'host'
      ? 'With the host’s network it is reachable at its own ports already'
      : 'Leave --network out, or name a network',
  );
};

export const portChecks: readonly Check[] = [
  mappingsAreComplete,
  exposedAreComplete,
  portsNeedNetwork,
];

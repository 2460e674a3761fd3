import type { PublishedPort } from '../../../model/network/network.js';
import type { CommandContext } from '../../context.js';
import { bindingText } from '../../views/port-text.js';

/** One line for each port that answers, or does not any more. */
export function printPorts({ output }: CommandContext, ports: readonly PublishedPort[]): void {
  if (output.json) {
    output.object({ Ports: ports });
    return;
  }
  output.lines(
    ports.map(({ containerPort, protocol, hostIp, hostPort }) => {
      const address = hostIp === '' ? '0.0.0.0' : hostIp;
      return `${containerPort}/${protocol} -> ${bindingText({ address, hostPort })}`;
    }),
  );
}

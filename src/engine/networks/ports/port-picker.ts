import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WarrenError } from '../../../base/errors.js';
import { bindError } from '../../../host/port-probe.js';
import type { PortMapping, PublishedPort } from '../../../model/network/network.js';
import type { RecordsStore } from '../../../records/store.js';

const rangeFile = '/proc/sys/net/ipv4/ip_local_port_range';

/** Finds ports of the host that no container and no process has. Which container gets one, the records decide. */
export class PortPicker {
  readonly #records: Pick<RecordsStore, 'ports'>;
  /** Where the next search begins: what was just given is the last to come again. */
  #next: number | undefined;

  constructor(records: Pick<RecordsStore, 'ports'>) {
    this.#records = records;
  }

  /**
   * A port for what is asked: that one, one of the range, or one of the range that the kernel gives ports from.
   * @param taken what was picked in one go with this one; the port is added
   * @throws WarrenError conflict (PORT_IN_USE) when a process of the host has it, invalidArgument (NO_SUCH_HOST_ADDRESS), exhausted
   * (NO_FREE_PORT)
   */
  async pick(mapping: PortMapping, taken: Set<string>): Promise<PublishedPort> {
    const { protocol, hostIp, hostPort, hostPortEnd, containerPort } = mapping;
    const port = (number: number): PublishedPort => ({
      protocol,
      hostIp,
      hostPort: number,
      containerPort,
    });
    if (hostPort > 0 && hostPort === hostPortEnd) {
      const error = await bindError(port(hostPort));
      if (error !== undefined) throw refused(port(hostPort), error);
      return port(hostPort);
    }
    for (const candidate of this.#candidates(mapping)) {
      const key = `${protocol} ${candidate}`;
      if (taken.has(key)) continue;
      taken.add(key);
      if (this.#records.ports.owner(port(candidate)) !== undefined) continue;
      const error = await bindError(port(candidate));
      if (error === undefined) return port(candidate);
      if (error !== 'EADDRINUSE' && error !== 'EACCES') throw refused(port(candidate), error);
    }
    throw noneFree(mapping);
  }

  *#candidates({ hostPort, hostPortEnd }: PortMapping): Generator<number> {
    if (hostPort > 0) {
      for (let port = hostPort; port <= hostPortEnd; port += 1) yield port;
      return;
    }
    const [first = 0, last = 0] = readFileSync(rangeFile, 'utf8').trim().split(/\s+/).map(Number);
    const size = last - first + 1;
    this.#next ??= randomInt(size);
    for (let tried = 0; tried < size; tried += 1) {
      const offset: number = (this.#next ?? 0) % size;
      this.#next = offset + 1;
      yield first + offset;
    }
  }
}

function placeOf({ hostIp, hostPort }: Pick<PublishedPort, 'hostIp' | 'hostPort'>): string {
  const address = hostIp === '' ? '0.0.0.0' : hostIp.includes(':') ? `[${hostIp}]` : hostIp;
  return `${address}:${hostPort}`;
}

function refused(port: PublishedPort, errno: string): WarrenError {
  const { protocol, hostIp, hostPort } = port;
  const attempt = `Cannot publish port ${hostPort}/${protocol}: listen ${protocol} ${placeOf(port)}`;
  const details = { protocol, port: hostPort, hostIp, errno };
  if (errno === 'EADDRNOTAVAIL') {
    return new WarrenError(
      'invalidArgument',
      'NO_SUCH_HOST_ADDRESS',
      `${attempt}: bind: cannot assign requested address`,
      { hint: 'The host has no such address: see ip address', details },
    );
  }
  return new WarrenError(
    'conflict',
    'PORT_IN_USE',
    `${attempt}: bind: ${errno === 'EADDRINUSE' ? 'address already in use' : errno}`,
    { hint: 'A process of the host has it: see ss -lntup; or choose another port', details },
  );
}

function noneFree({ protocol, hostPort, hostPortEnd }: PortMapping): WarrenError {
  const range =
    hostPort > 0 ? `from ${hostPort} to ${hostPortEnd}` : 'of the range for random ones';
  return new WarrenError(
    'exhausted',
    'NO_FREE_PORT',
    `Cannot publish a port: none ${range} is free for ${protocol}`,
    {
      hint:
        hostPort > 0
          ? 'Give a larger range'
          : 'Remove containers, or widen the range: sysctl net.ipv4.ip_local_port_range',
    },
  );
}

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { errnoOf } from '../base/errors.js';

/** An address and port of this host. */
export interface HostPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Empty: every address. */
  readonly hostIp: string;
  readonly hostPort: number;
}

/**
 * Why a process of this host could not listen there (`EADDRINUSE`, `EADDRNOTAVAIL`); undefined when it could. Tries it, and lets go at
 * once. Node cannot try SCTP.
 */
export async function bindError(port: HostPort): Promise<string | undefined> {
  if (port.protocol === 'sctp') return undefined;
  const bind = port.protocol === 'tcp' ? listenTcp : bindUdp;
  if (port.hostIp !== '') return await bind(port.hostIp, port.hostPort);
  const error = await bind('::', port.hostPort);
  // A kernel without IPv6, or one that has it switched off.
  return error === 'EAFNOSUPPORT' || error === 'EADDRNOTAVAIL'
    ? await bind('0.0.0.0', port.hostPort)
    : error;
}

function nameOf(error: Error): string {
  return errnoOf(error) ?? error.message;
}

function listenTcp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(nameOf(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => socket.close(() => resolve(nameOf(error))));
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

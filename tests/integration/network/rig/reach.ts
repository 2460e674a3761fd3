import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ContainerHandle } from '../../../../src/engine/contract.js';
import type { Endpoint } from '../../../../src/model/network/network.js';

const execute = promisify(execFile);

const patienceMs = 3000;

const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(${patienceMs}) })
  .then(async (answer) => process.stdout.write(await answer.text()))
  .catch((error) => { process.stdout.write('none ' + (error.cause?.code ?? error.name)); });`;

function urlOf(address: string): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:8080/`;
}

/** What an address answers to a process of the host: `httpd`'s lines, or `none` and why. */
export async function askFromHost(address: string): Promise<string> {
  const { stdout } = await execute(process.execPath, ['-e', script, urlOf(address)]);
  return stdout;
}

/** The same from the network namespace of a container. */
export async function askFrom(container: ContainerHandle, address: string): Promise<string> {
  const { pid } = await container.state();
  const inside = [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', script, urlOf(address)];
  return (await execute('nsenter', inside)).stdout;
}

const each = `Promise.all(process.argv.slice(1).map((url) =>
  fetch(url, { signal: AbortSignal.timeout(${patienceMs / 2}) })
    .then(async (answer) => (await answer.text()) !== '', () => false)))
  .then((reached) => process.stdout.write(JSON.stringify(reached)));`;

/** Whether each address answers to the network namespace of a container. */
export async function reachedFrom(
  container: ContainerHandle,
  addresses: readonly string[],
): Promise<readonly boolean[]> {
  const { pid } = await container.state();
  const urls = addresses.map(urlOf);
  const inside = [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', each, ...urls];
  return JSON.parse((await execute('nsenter', inside)).stdout) as readonly boolean[];
}

/** The container's place on its first network, or on that with an index. */
export async function endpointOf(container: ContainerHandle, index = 0): Promise<Endpoint> {
  const { record } = await container.inspect();
  const endpoint = record.endpoints.find((each) => each.index === index);
  if (endpoint === undefined) throw new Error(`${container.name} has no endpoint ${index}`);
  return endpoint;
}

export async function addressOf(container: ContainerHandle, index = 0): Promise<string> {
  return (await endpointOf(container, index)).ipv4 ?? '';
}

const lookupProgram = join(import.meta.dirname, 'lookup.mjs');

/** What the container is told of a name by its name server: sorted, or the error's code. */
export async function lookUp(
  container: ContainerHandle,
  type: 'A' | 'AAAA' | 'TXT' | 'PTR' | 'flood',
  name: string,
): Promise<unknown> {
  const { pid } = await container.state();
  const inside = [`--net=/proc/${pid}/ns/net`, process.execPath, lookupProgram, type, name];
  const { stdout } = await execute('nsenter', inside, { timeout: 20_000 });
  return stdout.startsWith('[') ? (JSON.parse(stdout) as unknown) : stdout;
}

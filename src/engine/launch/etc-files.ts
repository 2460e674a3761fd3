import { readFileSync } from 'node:fs';
import { shortId } from '../../base/ids.js';
import { errnoOf } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import { resolverAddress, type Endpoint } from '../../model/network/network.js';
import type { EngineContext } from '../context.js';
import type { StoreFile } from '../../storage/driver.js';

const localNames = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** Finds a container that `--link` names. */
type FindContainer = (reference: string) => ContainerRecord;

function hostFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** The name a container has inside: its own, else the beginning of its id. */
export function hostnameOf({ id, spec }: Pick<ContainerRecord, 'id' | 'spec'>): string {
  return spec.hostname === '' ? shortId(id) : spec.hostname;
}

function addressesOf({ ipv4, ipv6 }: Endpoint): readonly string[] {
  return [ipv4, ipv6].filter((address) => address !== null);
}

/** Linked containers by their other names, as they are on the same network. */
function linkLines(record: ContainerRecord, find: FindContainer): string[] {
  return record.endpoints.flatMap(({ network, links }) =>
    links.flatMap(({ container, alias }) => {
      const other = find(container);
      const there = other.endpoints.filter((endpoint) => endpoint.network === network);
      const names = [...new Set([alias, other.name, hostnameOf(other)])].join(' ');
      return there.flatMap(addressesOf).map((address) => `${address}\t${names}\n`);
    }),
  );
}

function hostsFile(record: ContainerRecord, find: FindContainer): string {
  const { spec } = record;
  if (spec.network === 'host') return hostFile('/etc/hosts') + extraLines(record).join('');
  const hostname = hostnameOf(record);
  const names = spec.domainname === '' ? hostname : `${hostname}.${spec.domainname} ${hostname}`;
  const addresses = record.endpoints.flatMap(addressesOf);
  const own = (addresses.length === 0 ? ['127.0.1.1'] : addresses).map(
    (address) => `${address}\t${names}\n`,
  );
  return [localNames, ...own, ...linkLines(record, find), ...extraLines(record)].join('');
}

function extraLines({ spec }: ContainerRecord): string[] {
  return spec.extraHosts.map((line) => {
    const at = line.search(/[:=]/);
    return `${line.slice(at + 1)}\t${line.slice(0, at)}\n`;
  });
}

/** Of an own network namespace with nothing but `lo`: there is no server to ask. */
const noResolver = '# No name server: this container has no network\n';

/** Servers on the host's loopback cannot be reached from another network namespace. */
const loopbackServer = /^\s*nameserver\s+(127\.|::1)/;

/** The host's file with what the user chose in its place, as Docker does it. */
function resolverFile({ spec, endpoints }: ContainerRecord, passesRouter: boolean): string {
  if (spec.network === 'none' && endpoints.length === 0) return noResolver;
  const { dnsSearch, dnsOptions } = spec.networking;
  // The resolver in the router asks the servers that the user chose.
  const dns = passesRouter ? [resolverAddress] : spec.networking.dns;
  const isOwn = spec.network !== 'host';
  const chosen = new Map([
    ['nameserver', dns.length > 0],
    ['search', dnsSearch.length > 0],
    ['domain', dnsSearch.length > 0],
    ['options', dnsOptions.length > 0],
  ]);
  const kept = hostFile('/etc/resolv.conf')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .filter((line) => chosen.get(line.trim().split(/\s+/)[0] ?? '') !== true)
    .filter((line) => !isOwn || !loopbackServer.test(line));
  // `.` alone: no search at all.
  const search = dnsSearch.filter((domain) => domain !== '.');
  const added = [
    ...dns.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(dnsOptions.length > 0 ? [`options ${dnsOptions.join(' ')}`] : []),
  ];
  return [...kept, ...added].map((line) => `${line}\n`).join('');
}

interface EtcSources {
  readonly find: FindContainer;
  /** One of its links leads to the router. */
  readonly passesRouter: boolean;
}

function etcFilesOf(
  record: ContainerRecord,
  { find, passesRouter }: EtcSources,
): readonly StoreFile[] {
  return [
    { name: 'hosts', content: hostsFile(record, find) },
    { name: 'hostname', content: `${hostnameOf(record)}\n` },
    { name: 'resolv.conf', content: resolverFile(record, passesRouter) },
  ];
}

/**
 * Writes what is bound over /etc/hosts, /etc/hostname and /etc/resolv.conf.
 * @throws WarrenError notFound when a linked container does not exist
 */
export async function writeEtcFiles(
  context: Pick<EngineContext, 'records' | 'storage'>,
  record: ContainerRecord,
): Promise<void> {
  const find = (reference: string): ContainerRecord =>
    context.records.containers.resolve(reference);
  const passesRouter = record.endpoints.some(
    ({ network }) => context.records.networks.get(network)?.driver !== 'macvlan',
  );
  await context.storage.writeFiles(record.id, etcFilesOf(record, { find, passesRouter }));
}

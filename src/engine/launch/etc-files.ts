import { readFileSync } from 'node:fs';
import { shortId } from '../../base/ids.js';
import { errnoOf } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import type { StoreFile } from '../../storage/driver.js';

const localNames = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

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

function hostsFile(record: ContainerRecord): string {
  const { spec } = record;
  const hostname = hostnameOf(record);
  const names = spec.domainname === '' ? hostname : `${hostname}.${spec.domainname} ${hostname}`;
  const base =
    spec.network === 'host' ? hostFile('/etc/hosts') : `${localNames}127.0.1.1\t${names}\n`;
  const extra = spec.extraHosts.map((line) => {
    const at = line.search(/[:=]/);
    return `${line.slice(at + 1)}\t${line.slice(0, at)}\n`;
  });
  return base + extra.join('');
}

/** Of an own network namespace with nothing but `lo`: there is no server to ask. */
const noResolver = '# No name server: this container has no network\n';

/** What is bound over /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export function etcFilesOf(record: ContainerRecord): readonly StoreFile[] {
  const resolver = record.spec.network === 'host' ? hostFile('/etc/resolv.conf') : noResolver;
  return [
    { name: 'hosts', content: hostsFile(record) },
    { name: 'hostname', content: `${hostnameOf(record)}\n` },
    { name: 'resolv.conf', content: resolver },
  ];
}

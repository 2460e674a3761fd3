import type { ContainerSpec } from '../container-config.js';
import { type Check, refuse, requireText } from './check.js';

const modes: readonly {
  readonly field: 'pid' | 'ipc' | 'userns' | 'uts' | 'cgroupns' | 'sysfs';
  readonly words: readonly string[];
  readonly joinable: boolean;
}[] = [
  { field: 'pid', words: ['private', 'host'], joinable: true },
  { field: 'ipc', words: ['private', 'host', 'none', 'shareable'], joinable: true },
  { field: 'userns', words: ['private', 'host'], joinable: false },
  { field: 'uts', words: ['private', 'host'], joinable: false },
  { field: 'cgroupns', words: ['private', 'host'], joinable: false },
  { field: 'sysfs', words: ['shared', 'own'], joinable: false },
];

const modesAreKnown: Check = (spec) => {
  for (const { field, words, joinable } of modes) {
    const value: string = spec[field];
    if (words.includes(value)) continue;
    if (joinable && /^container:.+$/.test(value)) continue;
    const choices = joinable ? [...words, 'container:NAME'] : words;
    refuse(field, `"${value}" is not one of ${choices.join(', ')}`);
  }
};

/** References of the containers whose namespaces are joined, without repetition. */
export function joinedContainers(
  spec: Pick<ContainerSpec, 'network' | 'pid' | 'ipc'>,
): readonly string[] {
  const references = [spec.network, spec.pid, spec.ipc]
    .filter((mode) => mode.startsWith('container:'))
    .map((mode) => mode.slice('container:'.length));
  return [...new Set(references)];
}

/** One user namespace owns what is joined: two containers' namespaces cannot be entered by one process. */
const joinsOneContainer: Check = (spec) => {
  if (joinedContainers(spec).length > 1) {
    refuse(
      'network, pid, ipc',
      'namespaces of different containers cannot be joined by one container',
    );
  }
};

const namespacedSysctl = /^(kernel\.(shm\w+|msg\w+|sem)|fs\.mqueue\.\w+|net\..+)$/;

const sysctlsAreNamespaced: Check = ({ sysctls, network, ipc }) => {
  for (const [name, value] of Object.entries(sysctls)) {
    requireText(`sysctls.${name}`, value);
    if (!namespacedSysctl.test(name) || name.includes('..') || name.includes('/')) {
      refuse(
        `sysctls.${name}`,
        'only sysctls of an own namespace can be set: kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, net.*',
      );
    }
    if (name.startsWith('net.') && network === 'host')
      refuse(`sysctls.${name}`, 'conflicts with the host’s network');
    if (!name.startsWith('net.') && ipc === 'host')
      refuse(`sysctls.${name}`, 'conflicts with the host’s IPC namespace');
  }
};

export const namespaceChecks: readonly Check[] = [
  modesAreKnown,
  joinsOneContainer,
  sysctlsAreNamespaced,
];

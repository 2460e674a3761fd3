import type { ContainerConfig, NamespaceMode } from '../../model/container-config.js';
import { BadValue } from './value/bad-value.js';

function joined(text: string): `container:${string}` | undefined {
  return /^container:.+/.test(text) ? (text as `container:${string}`) : undefined;
}

/** `--pid host|container:NAME` */
export function parsePid(text: string): NamespaceMode {
  const mode = text === 'host' || text === 'private' ? text : joined(text);
  if (mode === undefined) throw new BadValue('it must be private, host or container:NAME', 'host');
  return mode;
}

/** `--ipc none|private|shareable|host|container:NAME` */
export function parseIpc(text: string): NonNullable<ContainerConfig['ipc']> {
  if (text === 'none' || text === 'shareable') return text;
  const mode = text === 'host' || text === 'private' ? text : joined(text);
  if (mode === undefined) {
    throw new BadValue('it must be none, private, shareable, host or container:NAME', 'private');
  }
  return mode;
}

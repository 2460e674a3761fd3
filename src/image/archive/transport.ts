import { WarrenError } from '../../base/errors.js';

export type TransportName = 'docker' | 'docker-daemon' | 'docker-archive' | 'oci' | 'oci-archive';

/** An image somewhere else: `oci:/tmp/layout:app`, or a plain reference of a registry. */
export interface Transport {
  readonly transport: TransportName;
  /** File, directory, or reference. */
  readonly place: string;
  /** Of one image there; undefined: the only one, or all. */
  readonly name: string | undefined;
}

const pattern = /^(docker-daemon|docker-archive|oci-archive|oci):(.+)$/s;

/** @throws WarrenError invalidArgument (INVALID_TRANSPORT) */
export function parseTransport(text: string): Transport {
  if (text.startsWith('docker://')) {
    return { transport: 'docker', place: text.slice('docker://'.length), name: undefined };
  }
  const match = pattern.exec(text);
  if (match === null) return { transport: 'docker', place: text, name: undefined };
  const transport = match[1] as TransportName;
  const rest = match[2] ?? '';
  // `oci:5000/app` cannot be meant: hosts of registries have a dot, or a name that is no transport.
  if (transport === 'docker-daemon') return { transport, place: rest, name: undefined };
  const colon = rest.indexOf(':');
  const place = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? '' : rest.slice(colon + 1);
  if (place === '') {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_TRANSPORT',
      `Cannot use ${JSON.stringify(text)}: the format is ${transport}:PATH[:NAME]`,
    );
  }
  return { transport, place, name: name === '' ? undefined : name };
}

import { resolve } from 'node:path';
import type { BindMount, Mount, VolumeMount } from '../../model/container-config.js';
import { BadValue } from './value/bad-value.js';
import { parsePropagation, propagations } from './mount.js';

const example = '/host/data:/data:ro';

/** Labelling of SELinux and Docker Desktop's caching: nothing to do on a host without them, as in docker. */
const ignoredOptions = ['z', 'Z', 'cached', 'delegated', 'consistent', 'rw', 'rbind', ''];

interface Options {
  readonly readOnly: boolean;
  readonly noCopy: boolean;
  readonly idmap: boolean;
  readonly recursive: boolean;
  readonly propagation: string | undefined;
}

function readOptions(text: string): Options {
  const words = text.split(',');
  const known = ['ro', 'nocopy', 'idmap', 'bind', ...ignoredOptions, ...propagations];
  const unknown = words.find((word) => !known.includes(word));
  if (unknown !== undefined)
    throw new BadValue(`there is no volume option ${JSON.stringify(unknown)}`, example);
  return {
    readOnly: words.includes('ro'),
    noCopy: words.includes('nocopy'),
    idmap: words.includes('idmap'),
    recursive: !words.includes('bind'),
    propagation: words.find((word) => propagations.some((known) => known === word)),
  };
}

function bind(source: string, target: string, options: Options): BindMount {
  if (options.noCopy)
    throw new BadValue('nocopy is for volumes, not for bind mounts', 'data:/data:nocopy');
  return {
    type: 'bind',
    source,
    target,
    readOnly: options.readOnly,
    createSource: true,
    idmap: options.idmap,
    recursive: options.recursive,
    ...(options.propagation === undefined
      ? {}
      : { propagation: parsePropagation(options.propagation) }),
  };
}

function volume(source: string, target: string, options: Options): VolumeMount {
  if (options.idmap || options.propagation !== undefined || !options.recursive) {
    throw new BadValue('propagation, bind and idmap are for bind mounts, not for volumes', example);
  }
  return { type: 'volume', source, target, readOnly: options.readOnly, noCopy: options.noCopy };
}

/**
 * `-v [SOURCE:]TARGET[:OPTIONS]`. A source with a slash or a leading dot is a path of the host (relative ones
 * start at `workingDir`), else the name of a volume; without a source the volume is anonymous.
 */
export function parseVolumeFlag(text: string, workingDir: string): Mount {
  const parts = text.split(':');
  if (parts.length > 3) throw new BadValue('it has too many colons', example);
  const [first = '', second, third = ''] = parts;
  const source = second === undefined ? '' : first;
  const target = second ?? first;
  if (!target.startsWith('/')) throw new BadValue('the target must be an absolute path', example);
  if (target === '/') throw new BadValue('the target must not be the root directory', example);
  if (second !== undefined && source === '') throw new BadValue('the source is empty', example);
  const options = readOptions(third);
  if (source.startsWith('/')) return bind(source, target, options);
  if (source.startsWith('.')) return bind(resolve(workingDir, source), target, options);
  if (source !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source)) {
    throw new BadValue(
      'a volume name has letters, digits, dots, dashes and underscores; a path starts with / or .',
      example,
    );
  }
  return volume(source, target, options);
}

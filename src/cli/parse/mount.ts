import type {
  BindMount,
  Mount,
  Propagation,
  TmpfsMount,
  VolumeMount,
} from '../../model/container-config.js';
import { BadValue } from './value/bad-value.js';
import { booleanWord } from './value/choice.js';
import { commaFields } from './value/comma-fields.js';
import { parseSize } from './value/size.js';

const example = 'type=bind,src=/host/data,dst=/data,ro';

export const propagations: readonly Propagation[] = [
  'private',
  'rprivate',
  'slave',
  'rslave',
  'shared',
  'rshared',
];

const aliases: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  nocopy: 'volume-nocopy',
};

const keysOfType: Readonly<Record<string, readonly string[]>> = {
  bind: ['bind-propagation', 'bind-recursive', 'bind-nonrecursive', 'create-source', 'idmap'],
  volume: ['volume-nocopy'],
  tmpfs: ['tmpfs-size', 'tmpfs-mode', 'tmpfs-exec'],
};

type Fields = ReadonlyMap<string, string | undefined>;

function readFields(text: string): Fields {
  const fields = new Map<string, string | undefined>();
  for (const item of commaFields(text)) {
    const equals = item.indexOf('=');
    const key = (equals < 0 ? item : item.slice(0, equals)).trim().toLowerCase();
    fields.set(aliases[key] ?? key, equals < 0 ? undefined : item.slice(equals + 1));
  }
  return fields;
}

function truth(fields: Fields, key: string): boolean {
  if (!fields.has(key)) return false;
  const value = booleanWord(fields.get(key) ?? 'true');
  if (value === undefined) throw new BadValue(`${key} must be true or false`, example);
  return value;
}

function refuseUnknown(fields: Fields, type: string): void {
  // Caching of Docker Desktop: without meaning here, as in docker on Linux.
  const common = ['type', 'source', 'target', 'readonly', 'consistency'];
  const known = [...common, ...(keysOfType[type] ?? [])];
  for (const [key, value] of fields) {
    if (!known.includes(key))
      throw new BadValue(`a ${type} mount has no field ${JSON.stringify(key)}`, example);
    if (value === '') throw new BadValue(`the field ${key} is empty`, example);
  }
}

export function parsePropagation(text: string): Propagation {
  const found = propagations.find((word) => word === text);
  if (found === undefined) {
    throw new BadValue(`propagation must be one of ${propagations.join(', ')}`, example);
  }
  return found;
}

function isRecursive(fields: Fields): boolean {
  if (truth(fields, 'bind-nonrecursive')) return false;
  const word = fields.get('bind-recursive') ?? 'enabled';
  if (word !== 'enabled' && word !== 'disabled') {
    throw new BadValue('bind-recursive must be enabled or disabled', example);
  }
  return word === 'enabled';
}

function bind(fields: Fields, target: string): BindMount {
  const source = fields.get('source');
  if (source === undefined) throw new BadValue('a bind mount needs source=', example);
  if (!source.startsWith('/'))
    throw new BadValue('the source of a bind mount must be an absolute path', example);
  const propagation = fields.get('bind-propagation');
  return {
    type: 'bind',
    source,
    target,
    readOnly: truth(fields, 'readonly'),
    recursive: isRecursive(fields),
    createSource: truth(fields, 'create-source'),
    idmap: truth(fields, 'idmap'),
    ...(propagation === undefined ? {} : { propagation: parsePropagation(propagation) }),
  };
}

function volume(fields: Fields, target: string): VolumeMount {
  return {
    type: 'volume',
    source: fields.get('source') ?? '',
    target,
    readOnly: truth(fields, 'readonly'),
    noCopy: truth(fields, 'volume-nocopy'),
  };
}

function tmpfs(fields: Fields, target: string): TmpfsMount {
  if (fields.has('source'))
    throw new BadValue('a tmpfs mount has no source', 'type=tmpfs,dst=/run');
  const size = fields.get('tmpfs-size');
  const mode = fields.get('tmpfs-mode');
  return {
    type: 'tmpfs',
    target,
    readOnly: truth(fields, 'readonly'),
    noexec: !truth(fields, 'tmpfs-exec'),
    ...(size === undefined ? {} : { sizeBytes: parseSize(size) }),
    ...(mode === undefined ? {} : { mode: parseMode(mode) }),
  };
}

/** File mode bits in octal: `1777`, `0755`. */
export function parseMode(text: string): number {
  if (!/^0?[0-7]{3,4}$/.test(text))
    throw new BadValue('a mode is three or four octal digits', '1777');
  return Number.parseInt(text, 8);
}

/** `--mount type=bind|volume|tmpfs,src=,dst=,readonly,…` with docker's field names. */
export function parseMount(text: string): Mount {
  const fields = readFields(text);
  const type = fields.get('type') ?? 'volume';
  if (!(type in keysOfType)) throw new BadValue('type must be bind, volume or tmpfs', example);
  refuseUnknown(fields, type);
  const target = fields.get('target');
  if (target === undefined) throw new BadValue('a mount needs dst=', example);
  if (!target.startsWith('/')) throw new BadValue('the target must be an absolute path', example);
  if (type === 'bind') return bind(fields, target);
  return type === 'volume' ? volume(fields, target) : tmpfs(fields, target);
}

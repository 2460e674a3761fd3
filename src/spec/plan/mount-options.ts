/** Mount options as text (mount(8), OCI) → attribute bits, propagation and what is left for the file system. */
import { mountAttributes, propagations } from '../../host/plan-operations.js';

export interface MountOptions {
  readonly attributes: number;
  readonly propagation: number;
  readonly recursive: boolean;
  readonly idmapped: boolean;
  readonly optional: boolean;
  /** Key and value; an empty value is a flag. */
  readonly data: readonly (readonly [string, string])[];
}

const attributeOptions: ReadonlyMap<string, { readonly set: number; readonly clear: number }> =
  new Map([
    ['ro', { set: mountAttributes.readOnly, clear: 0 }],
    ['rw', { set: 0, clear: mountAttributes.readOnly }],
    ['nosuid', { set: mountAttributes.noSuid, clear: 0 }],
    ['suid', { set: 0, clear: mountAttributes.noSuid }],
    ['nodev', { set: mountAttributes.noDev, clear: 0 }],
    ['dev', { set: 0, clear: mountAttributes.noDev }],
    ['noexec', { set: mountAttributes.noExec, clear: 0 }],
    ['exec', { set: 0, clear: mountAttributes.noExec }],
    ['noatime', { set: mountAttributes.noAtime, clear: mountAttributes.strictAtime }],
    ['strictatime', { set: mountAttributes.strictAtime, clear: mountAttributes.noAtime }],
    ['relatime', { set: 0, clear: mountAttributes.strictAtime | mountAttributes.noAtime }],
    ['nodiratime', { set: mountAttributes.noDirAtime, clear: 0 }],
    ['nosymfollow', { set: mountAttributes.noSymlinkFollow, clear: 0 }],
  ]);

const propagationOptions: ReadonlyMap<string, number> = new Map([
  ['private', propagations.private],
  ['rprivate', propagations.private],
  ['slave', propagations.slave],
  ['rslave', propagations.slave],
  ['shared', propagations.shared],
  ['rshared', propagations.shared],
  ['unbindable', propagations.unbindable],
  ['runbindable', propagations.unbindable],
]);

const parsed = new Map<string, MountOptions>();
const kept = 512;

/** Parses a mount's options. What is not an attribute belongs to the file system. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const key = options.join(',');
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const result = parse(options);
  if (parsed.size >= kept) parsed.clear();
  parsed.set(key, result);
  return result;
}

function parse(options: readonly string[]): MountOptions {
  let attributes = 0;
  let propagation: number = propagations.private;
  const words = new Set<string>();
  const data: (readonly [string, string])[] = [];
  for (const option of options) {
    const attribute = attributeOptions.get(option);
    const wanted = propagationOptions.get(option);
    if (attribute !== undefined) attributes = (attributes & ~attribute.clear) | attribute.set;
    else if (wanted !== undefined) propagation = wanted;
    else if (structural.has(option)) words.add(option);
    else data.push(keyValue(option));
  }
  return {
    attributes,
    propagation,
    recursive: words.has('rbind'),
    idmapped: words.has('idmap') || words.has('ridmap'),
    optional: words.has('nofail'),
    data,
  };
}

const structural: ReadonlySet<string> = new Set(['bind', 'rbind', 'idmap', 'ridmap', 'nofail']);

function keyValue(option: string): readonly [string, string] {
  const at = option.indexOf('=');
  return at < 0 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
}

import { asMap, isObject } from '../template/value.js';

/** Fields of Docker's documents whose keys are the user's: a template may ask for keys that are not there. */
const maps: ReadonlySet<string> = new Set([
  'Labels',
  'Sysctls',
  'Ports',
  'Networks',
  'Options',
  'Tmpfs',
  'PortBindings',
  'Volumes',
  'ExposedPorts',
  'Attributes',
]);

/** The same document, its map fields marked for templates. */
export function withMapFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMapFields);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    const inner = withMapFields(item);
    return [key, maps.has(key) && isObject(inner) ? asMap(inner) : inner] as const;
  });
  return Object.fromEntries(entries);
}

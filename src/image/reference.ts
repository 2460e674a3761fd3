import { WarrenError } from '../base/errors.js';

/** A name of an image in full, by Docker's rules for familiar names. */
export interface NamedReference {
  /** Host of the registry: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Repository at the registry: `library/busybox`. */
  readonly path: string;
  /** Name as people write it: `busybox`, `localhost:5000/app`. */
  readonly familiarName: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

/** What a user may write for an image of the store, taken apart. */
export type ImageReference =
  /** `name`: familiar, when one is given. */
  | { readonly kind: 'digest'; readonly digest: string; readonly name: string | null }
  /** `familiar` is `name:tag`; `idPrefix` when the text could also be the start of an id. */
  | { readonly kind: 'name'; readonly familiar: string; readonly idPrefix: string | null };

export const defaultDomain = 'docker.io';
const officialPrefix = 'library/';

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const hostLabel = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)';
const host = `(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?`;
const domainPattern = new RegExp(`^${host}$`);
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const idPattern = /^(?:sha256:)?([0-9a-f]{1,64})$/;
const maximumNameLength = 255;

/**
 * `busybox`, `library/busybox:latest`, `docker.io/library/busybox`: all of them `docker.io`, `library/busybox`; a first part is a host
 * when it has a dot, a colon or a capital letter, or is `localhost`. Tag and digest are null when they are not written.
 * @throws WarrenError invalidArgument (INVALID_REFERENCE)
 */
export function parseNamed(text: string): NamedReference {
  const [beforeDigest = '', digest, ...more] = text.split('@');
  const slash = beforeDigest.lastIndexOf('/');
  const colon = beforeDigest.indexOf(':', slash + 1);
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon < 0 ? null : beforeDigest.slice(colon + 1);
  const { domain, path } = splitDomain(name);
  const valid =
    more.length === 0 &&
    name.length <= maximumNameLength &&
    domainPattern.test(domain) &&
    pathPattern.test(path) &&
    (tag === null || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest)) &&
    !/^[0-9a-f]{64}$/.test(name);
  if (!valid) throw invalid(text);
  return { domain, path, familiarName: familiarOf(domain, path), tag, digest: digest ?? null };
}

/**
 * Any form in which an image of the store can be named: a name, `sha256:…`, `name@sha256:…`, and prefixes of ids.
 * @throws WarrenError invalidArgument (INVALID_REFERENCE)
 */
export function parseReference(text: string): ImageReference {
  if (digestPattern.test(text)) return { kind: 'digest', digest: text, name: null };
  const prefix = idPattern.exec(text)?.[1] ?? null;
  if (text.startsWith('sha256:') && prefix !== null) {
    return { kind: 'name', familiar: text, idPrefix: prefix };
  }
  if (prefix?.length === 64) return { kind: 'digest', digest: `sha256:${prefix}`, name: null };
  const { familiarName, tag, digest } = parseNamed(text);
  if (digest !== null) return { kind: 'digest', digest, name: familiarName };
  return { kind: 'name', familiar: `${familiarName}:${tag ?? 'latest'}`, idPrefix: prefix };
}

/**
 * A name to give to an image, as the store keeps it: `name:tag`.
 * @throws WarrenError invalidArgument (INVALID_REFERENCE), also for a digest: what an image is called cannot name its content
 */
export function parseTag(text: string): string {
  const { familiarName, tag, digest } = parseNamed(text);
  if (digest !== null) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_REFERENCE',
      `Cannot call an image ${text}: a digest is no tag`,
      { hint: 'Use NAME or NAME:TAG' },
    );
  }
  return `${familiarName}:${tag ?? 'latest'}`;
}

function splitDomain(name: string): { readonly domain: string; readonly path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isDomain = /[.:A-Z]/.test(first) || first === 'localhost';
  const domain = isDomain && first !== `index.${defaultDomain}` ? first : defaultDomain;
  const path = isDomain ? name.slice(slash + 1) : name;
  const official = domain === defaultDomain && !path.includes('/');
  return { domain, path: official ? `${officialPrefix}${path}` : path };
}

function familiarOf(domain: string, path: string): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const rest = path.slice(officialPrefix.length);
  return path.startsWith(officialPrefix) && !rest.includes('/') ? rest : path;
}

function invalid(text: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'INVALID_REFERENCE',
    `Cannot use image reference ${JSON.stringify(text)}: the format is [HOST/]NAME[:TAG][@DIGEST]`,
    { hint: 'Names are in lower case, such as busybox or busybox:latest' },
  );
}

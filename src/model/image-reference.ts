import { WarrenError } from '../base/errors.js';

/** A reference taken apart (github.com/distribution/reference: domain, path, tag, digest). */
export interface ImageReference {
  /** `docker.io` when none is written. */
  readonly domain: string;
  /** With `library/` for official names of docker.io. */
  readonly path: string;
  /** null when only a digest is written. */
  readonly tag: string | null;
  readonly digest: string | null;
}

const defaultDomain = 'docker.io';
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

function invalid(text: string, why: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'INVALID_IMAGE_REFERENCE',
    `Invalid image reference "${text}": ${why}`,
    { hint: 'Write name, name:tag or name@sha256:digest, in lower case' },
  );
}

function splitDomain(name: string): { readonly domain: string; readonly path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase()) {
    return { domain: first, path: name.slice(slash + 1) };
  }
  return { domain: defaultDomain, path: slash < 0 ? `library/${name}` : name };
}

/** @throws WarrenError invalidArgument (INVALID_IMAGE_REFERENCE) */
export function parseImageReference(text: string): ImageReference {
  const at = text.indexOf('@');
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !digestPattern.test(digest)) throw invalid(text, 'the digest is not sha256');
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? null : named.slice(colon + 1);
  if (tag !== null && !tagPattern.test(tag)) throw invalid(text, 'the tag is malformed');
  const name = colon < 0 ? named : named.slice(0, colon);
  if (name.length === 0 || name.length > 255) throw invalid(text, 'the name has a wrong length');
  const { domain, path } = splitDomain(name);
  if (!path.split('/').every((part) => component.test(part))) {
    throw invalid(text, 'the name may hold lower-case letters, digits and separators');
  }
  return { domain, path, tag: tag ?? (digest === null ? 'latest' : null), digest };
}

/** As docker shows it: without docker.io/library. */
export function familiarReference(reference: ImageReference): string {
  const official = reference.domain === defaultDomain;
  const path = official ? reference.path.replace(/^library\//, '') : reference.path;
  const name = official ? path : `${reference.domain}/${path}`;
  const tagged = reference.tag === null ? name : `${name}:${reference.tag}`;
  return reference.digest === null ? tagged : `${tagged}@${reference.digest}`;
}

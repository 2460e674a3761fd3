import { WarrenError } from '../base/errors.js';

/** What a user may write for an image, taken apart. */
export type ImageReference =
  | { readonly kind: 'digest'; readonly digest: string }
  /** `familiar` is `name:tag`; `idPrefix` when the text could also be the start of an id. */
  | { readonly kind: 'name'; readonly familiar: string; readonly idPrefix: string | null };

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9-]+)*(?::[0-9]+)?';
const namePattern = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?$`,
);
const digestPattern = /^(?:[^@]+@)?(sha256:[0-9a-f]{64})$/;

/**
 * `busybox`, `library/busybox:latest`, `docker.io/library/busybox`: all `busybox:latest`; `sha256:…`,
 * `name@sha256:…` and prefixes of ids as well. Throws invalidArgument (INVALID_REFERENCE).
 */
export function parseReference(text: string): ImageReference {
  const digest = digestPattern.exec(text)?.[1];
  if (digest !== undefined) return { kind: 'digest', digest };
  const match = namePattern.exec(text);
  if (match === null || text.length > 255) {
    const prefix = /^sha256:([0-9a-f]{1,63})$/.exec(text)?.[1];
    if (prefix !== undefined) return { kind: 'name', familiar: text, idPrefix: prefix };
    throw new WarrenError(
      'invalidArgument',
      'INVALID_REFERENCE',
      `Cannot use image reference ${JSON.stringify(text)}: the format is [HOST/]NAME[:TAG]`,
      { hint: 'Names are in lower case, such as busybox or busybox:latest' },
    );
  }
  const name = (match[1] ?? '').replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
  const tag = match[2];
  const idPrefix = tag === undefined && /^[0-9a-f]{1,64}$/.test(text) ? text : null;
  return { kind: 'name', familiar: `${name}:${tag ?? 'latest'}`, idPrefix };
}

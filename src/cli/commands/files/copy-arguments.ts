import { isAbsolute } from 'node:path';
import { usageError } from '../../program/usage-error.js';

export type CopyEnd =
  | { readonly kind: 'container'; readonly reference: string; readonly path: string }
  | { readonly kind: 'host'; readonly path: string }
  /** An archive on stdin or stdout. */
  | { readonly kind: 'archive' };

/** `CONTAINER:PATH`, a path of the host (absolute, or with a dot in front where it has a colon), or `-`. */
export function parseCopyEnd(text: string): CopyEnd {
  if (text === '-') return { kind: 'archive' };
  const colon = text.indexOf(':');
  if (isAbsolute(text) || colon < 0 || text.startsWith('.')) return { kind: 'host', path: text };
  const path = text.slice(colon + 1);
  if (colon === 0 || path === '')
    throw usageError(
      `Not a path in a container: ${text}`,
      'Write CONTAINER:PATH, such as web:/etc/hosts',
    );
  return { kind: 'container', reference: text.slice(0, colon), path };
}

/** What is known of a path before something is copied to it or from it. */
export interface KnownPath {
  readonly path: string;
  readonly type: 'directory' | 'other' | 'missing';
}

export interface CopyTarget {
  /** Directory to unpack in. */
  readonly directory: string;
  /** Name of the copy in it; undefined: only the source's content is copied. */
  readonly name: string | undefined;
}

/** `dir/.` stands for what is in the directory. */
export function isContentOnly(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : trimmed.slice(0, slash);
}

/** The last name of a path; `.` and `/` have none. */
export function lastName(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.at(-1) ?? '';
}

/** Where a copy goes, by the rules of `docker cp`. */
export function copyTarget(source: KnownPath, destination: KnownPath): CopyTarget {
  const sourceIsDirectory = source.type === 'directory';
  if (destination.type === 'directory') {
    const contentOnly =
      sourceIsDirectory && (isContentOnly(source.path) || lastName(source.path) === '');
    return { directory: destination.path, name: contentOnly ? undefined : lastName(source.path) };
  }
  if (destination.type === 'other') {
    if (sourceIsDirectory)
      throw usageError(`Cannot copy a directory over a file: ${destination.path}`);
    if (destination.path.endsWith('/')) throw usageError(`Not a directory: ${destination.path}`);
  }
  if (destination.type === 'missing' && destination.path.endsWith('/') && !sourceIsDirectory) {
    throw usageError(
      `There is no such directory: ${destination.path}`,
      'Leave out the slash at the end to give the file this name',
    );
  }
  return { directory: parentOf(destination.path), name: lastName(destination.path) };
}

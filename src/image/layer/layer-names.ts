import { WarrenError } from '../../base/errors.js';
import type { ByteString } from '../../base/tar/tar-header.js';

/** What a name in a layer's archive means. Paths are relative to the layer's root. */
export type LayerName =
  | { readonly kind: 'root' }
  | { readonly kind: 'entry'; readonly path: ByteString; readonly parents: readonly ByteString[] }
  /** Hides this path of the layers below. */
  | { readonly kind: 'whiteout'; readonly path: ByteString }
  /** The directory hides the content that the layers below have for it. */
  | { readonly kind: 'opaque'; readonly path: ByteString }
  | { readonly kind: 'ignored' };

export const whiteoutPrefix = '.wh.';
export const opaqueMarker = '.wh..wh..opq';

/** Reads a member's name (image-spec layer.md, "Whiteouts"). Throws corrupt (ARCHIVE_HOSTILE). */
export function layerName(memberPath: ByteString): LayerName {
  const parts = componentsOf(memberPath);
  const parents = parts.slice(0, -1);
  const name = parts.at(-1);
  if (name === undefined) return { kind: 'root' };
  if (name === opaqueMarker) {
    return parents.length === 0 ? { kind: 'ignored' } : { kind: 'opaque', path: parents.join('/') };
  }
  if (name.startsWith(`${whiteoutPrefix}${whiteoutPrefix}`)) return { kind: 'ignored' };
  if (!name.startsWith(whiteoutPrefix)) return { kind: 'entry', path: parts.join('/'), parents };
  const hidden = name.slice(whiteoutPrefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..') throw hostile(memberPath);
  return { kind: 'whiteout', path: [...parents, hidden].join('/') };
}

/** What of a file's extended attributes a layer has: `trusted.` would forge overlay's own marks. */
export function isLayerAttribute(name: ByteString): boolean {
  return /^(?:security\.capability|user\..+)$/.test(name);
}

/** Components below the root. Throws corrupt (ARCHIVE_HOSTILE) on `..` and NUL. */
export function componentsOf(path: ByteString): ByteString[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || path.includes('\0')) throw hostile(path);
  return parts;
}

/** The error of an archive that was made to do harm. */
export function hostile(path: ByteString, why = 'it would lead outside'): WarrenError {
  const shown = JSON.stringify(Buffer.from(path.slice(0, 200), 'latin1').toString('utf8'));
  return new WarrenError('corrupt', 'ARCHIVE_HOSTILE', `Cannot unpack layer: ${shown}: ${why}`);
}

import { WarrenError } from '../../base/errors.js';
import { parseBytes } from '../../base/units.js';

/** What a layer may be at most when it is unpacked: a few kilobytes of blob can say that there are terabytes. */
export interface LayerLimits {
  /** Of the archive, decompressed, holes of sparse files included. */
  readonly bytes: number;
  /** Members of the archive. */
  readonly entries: number;
}

export const defaultLayerLimits: LayerLimits = { bytes: 64 * 1024 ** 3, entries: 4_000_000 };

/**
 * The limits that WARREN_LAYER_MAX_BYTES (`512m`, `64g`) and WARREN_LAYER_MAX_ENTRIES set. Throws invalidArgument
 * (INVALID_LAYER_LIMIT).
 */
export function layerLimits(
  environment: Readonly<Record<string, string | undefined>>,
): LayerLimits {
  return {
    bytes: limitOf(environment, 'WARREN_LAYER_MAX_BYTES', parseBytes) ?? defaultLayerLimits.bytes,
    entries: limitOf(environment, 'WARREN_LAYER_MAX_ENTRIES', Number) ?? defaultLayerLimits.entries,
  };
}

function limitOf(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
  parse: (text: string) => number,
): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  const value = parse(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new WarrenError(
    'invalidArgument',
    'INVALID_LAYER_LIMIT',
    `Cannot use ${name}=${text}: it is no positive number`,
  );
}

export function tooLarge(limit: keyof LayerLimits, value: number): WarrenError {
  const what = limit === 'bytes' ? `${value} bytes` : `${value} files`;
  return new WarrenError(
    'exhausted',
    'LAYER_TOO_LARGE',
    `Cannot unpack layer: it is larger than ${what}`,
    {
      hint: `When you trust the image, raise WARREN_LAYER_MAX_${limit.toUpperCase()}`,
      details: { limit: value },
    },
  );
}

import { WarrenError } from '../base/errors.js';
import { ociArchitecture, type OciDescriptor, type OciPlatform } from './oci.js';

const architectureNames: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
  i386: '386',
};

/** What this machine runs. */
export function hostPlatform(): OciPlatform {
  return { os: 'linux', architecture: ociArchitecture() };
}

/**
 * `linux/arm64`, `linux/arm/v7`, `arm64`.
 * @throws WarrenError invalidArgument (INVALID_PLATFORM)
 */
export function parsePlatform(text: string): OciPlatform {
  const parts = text.split('/');
  const [os = '', architecture = '', variant] = parts.length === 1 ? ['linux', ...parts] : parts;
  const words = [os, architecture, ...(variant === undefined ? [] : [variant])];
  if (parts.length > 3 || !words.every((word) => /^[A-Za-z0-9_.-]+$/.test(word))) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_PLATFORM',
      `Invalid platform ${JSON.stringify(text)}: the format is OS/ARCHITECTURE[/VARIANT]`,
      { hint: 'For example linux/amd64 or linux/arm/v7' },
    );
  }
  const lower = architecture.toLowerCase();
  return {
    os: os.toLowerCase(),
    architecture: architectureNames[lower] ?? lower,
    ...(variant === undefined ? {} : { variant: variant.toLowerCase() }),
  };
}

export function platformText({ os, architecture, variant }: OciPlatform): string {
  return [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])].join(
    '/',
  );
}

/** True when an image of `has` is what `wanted` asks for. A variant that is not asked for may be any. */
export function isPlatform(has: OciPlatform, wanted: OciPlatform): boolean {
  if (has.os !== wanted.os || has.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || variantOf(has) === variantOf(wanted);
}

/**
 * The entry of an index for a platform; the first one that fits.
 * @throws WarrenError notFound (PLATFORM_NOT_FOUND) naming those that there are
 */
export function selectPlatform(
  manifests: readonly OciDescriptor[],
  wanted: OciPlatform,
  what: string,
): OciDescriptor {
  const found = manifests.find(
    ({ platform }) => platform !== undefined && isPlatform(platform, wanted),
  );
  if (found !== undefined) return found;
  const [only] = manifests;
  if (manifests.length === 1 && only?.platform === undefined && only !== undefined) return only;
  const known = manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [platformText(platform)],
  );
  throw new WarrenError(
    'notFound',
    'PLATFORM_NOT_FOUND',
    `Cannot use ${what}: it has no image for ${platformText(wanted)}`,
    {
      hint: `Choose another with --platform: ${[...new Set(known)].join(', ') || 'there is none'}`,
    },
  );
}

/** arm64 is v8 and arm is v7 when nothing is said, as in Go's platform names. */
function variantOf({ architecture, variant }: OciPlatform): string {
  if (variant !== undefined && variant !== '') return variant;
  return architecture === 'arm64' ? 'v8' : architecture === 'arm' ? 'v7' : '';
}

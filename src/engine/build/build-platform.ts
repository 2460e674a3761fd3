import { WarrenError } from '../../base/errors.js';
import { ociArchitecture } from '../../image/oci.js';

export function hostPlatform(): { readonly os: string; readonly architecture: string } {
  return { os: 'linux', architecture: ociArchitecture() };
}

/** Steps run on this machine. Throws unsupported (BUILD_PLATFORM). */
export function requireHostPlatform(text: string): void {
  const { os, architecture } = hostPlatform();
  const [wantedOs, wanted] = text.toLowerCase().split('/');
  const names: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
  if (wantedOs === os && (names[wanted ?? ''] ?? wanted) === architecture) return;
  throw new WarrenError(
    'unsupported',
    'BUILD_PLATFORM',
    `Cannot build for ${text}: this machine is ${os}/${architecture}`,
    { hint: 'Build on a machine of that platform' },
  );
}

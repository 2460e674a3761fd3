/** The documents of an OCI image layout (image-spec 1.1), as far as Warren reads and writes them. */
import { createHash } from 'node:crypto';
import { WarrenError } from '../base/errors.js';

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
} as const;

export const annotations = {
  /** Of an image that a step of a build made: the step's key in the build cache. */
  buildStep: 'dev.warren.build.step',
  /** Familiar `name:tag`. */
  refName: 'org.opencontainers.image.ref.name',
  created: 'org.opencontainers.image.created',
  /** `name@sha256:…`, separated by commas: what registries call this image. */
  repoDigests: 'warren.image.repo-digests',
} as const;

export interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: OciPlatform;
}

export interface OciPlatform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
}

export interface OciIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly OciDescriptor[];
}

export interface OciManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly config: OciDescriptor;
  readonly layers: readonly OciDescriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Durations are nanoseconds, as in Docker's image configs. */
export interface OciHealthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export interface OciExecutionConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly Healthcheck?: OciHealthcheck;
  readonly OnBuild?: readonly string[];
  readonly Shell?: readonly string[];
}

export interface OciHistory {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

export interface OciImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly variant?: string;
  readonly architecture: string;
  readonly os: string;
  readonly config?: OciExecutionConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history?: readonly OciHistory[];
}

/** `sha256:…` of these bytes. */
export function digestOf(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/**
 * Chain ids, bottom first: each names a layer together with everything below it (image-spec
 * config.md, "Layer ChainID").
 */
export function chainIds(diffIds: readonly string[]): readonly string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}

/** Go's name of this machine's architecture, as image configs have it. */
export function ociArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

export type LayerCompression = 'none' | 'gzip' | 'zstd';

const compressions: Readonly<Record<string, LayerCompression>> = {
  [mediaTypes.layer]: 'none',
  [mediaTypes.dockerLayer]: 'none',
  [mediaTypes.layerGzip]: 'gzip',
  [mediaTypes.dockerLayerGzip]: 'gzip',
  [mediaTypes.layerZstd]: 'zstd',
  [mediaTypes.dockerLayerZstd]: 'zstd',
};

/** How a layer's blob is compressed. @throws WarrenError unsupported (LAYER_MEDIA_TYPE): encrypted or foreign layers, artifacts */
export function compressionOf(mediaType: string): LayerCompression {
  const compression = compressions[mediaType];
  if (compression !== undefined) return compression;
  throw new WarrenError(
    'unsupported',
    'LAYER_MEDIA_TYPE',
    `Cannot use a layer of type ${JSON.stringify(mediaType.slice(0, 100))}`,
    { hint: 'This is no container image, or one with encrypted or foreign layers' },
  );
}

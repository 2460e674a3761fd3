import type { HealthCheck } from './container-config.js';

/** What `run` takes from an image (OCI image-spec config.md, and Docker's Healthcheck). */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly exposedPorts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string;
  readonly health: HealthCheck | null;
}

export interface Image {
  /** `sha256:…`: the digest of the config blob. */
  readonly id: string;
  /** Familiar `name:tag` references to it. */
  readonly references: readonly string[];
  /** `name@sha256:…`: what registries that it came from, or went to, call it. */
  readonly repoDigests: readonly string[];
  readonly createdAtMs: number;
  readonly architecture: string;
  readonly os: string;
  /** `v7`, for example; empty when the architecture has none. */
  readonly variant: string;
  readonly author: string;
  /** Of its last step. */
  readonly comment: string;
  /** Bytes of all layers unpacked. */
  readonly sizeBytes: number;
  /** Those of them in layers that other images of the store have as well. */
  readonly sharedBytes: number;
  readonly config: ImageConfig;
  /** diffIds, bottom first. */
  readonly diffIds: readonly string[];
  /** Store-relative unpacked layer directories, top first: the overlay's lower directories. */
  readonly layers: readonly string[];
}

/** One step of an image's making, newest first in lists of them. */
export interface ImageStep {
  /** Null where the image of that step is not in the store. */
  readonly imageId: string | null;
  readonly references: readonly string[];
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly comment: string;
  /** Of its layer, unpacked; 0 when it made none. */
  readonly sizeBytes: number;
}

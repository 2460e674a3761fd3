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
  readonly createdAtMs: number;
  readonly architecture: string;
  /** Bytes of all layers unpacked. */
  readonly sizeBytes: number;
  readonly config: ImageConfig;
  /** diffIds, bottom first. */
  readonly diffIds: readonly string[];
  /** Store-relative unpacked layer directories, top first: the overlay's lower directories. */
  readonly layers: readonly string[];
}

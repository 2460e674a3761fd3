import { createHash } from 'node:crypto';
import { extendConfig } from '../../image/history.js';
import {
  annotations,
  chainIds,
  ociArchitecture,
  type OciDescriptor,
  type OciExecutionConfig,
  type OciImageConfig,
} from '../../image/oci.js';
import type { StoreLease } from '../../image/store/store-parts.js';
import type { Stage } from '../../image/dockerfile/stages.js';
import type { Image } from '../../model/image.js';
import type { EngineContext } from '../context.js';
import type { BuildOptions } from './contract.js';

/** What all steps of one build share. */
export interface Build {
  readonly context: EngineContext;
  readonly options: BuildOptions;
  readonly escape: string;
  readonly lease: StoreLease;
  /** ARGs before the first FROM. */
  readonly globals: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
  readonly finished: Map<number, StageState>;
  step: number;
}

/** Where a stage stands between two instructions. */
export interface StageState {
  /** Of the image that the stage would be now. */
  readonly config: OciImageConfig;
  /** Blobs, bottom first. */
  readonly layers: readonly OciDescriptor[];
  /** An image of exactly these layers; null while there are none. */
  readonly image: Image | null;
  /** Names everything that led here: equal keys mean equal results. */
  readonly key: string;
  /** ARGs that the stage has declared. */
  readonly args: ReadonlyMap<string, string>;
}

/** `FROM scratch`. */
export function emptyState(): StageState {
  return {
    config: {
      architecture: ociArchitecture(),
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [] },
    },
    layers: [],
    image: null,
    key: keyOf('scratch'),
    args: new Map(),
  };
}

/** A stage that begins with an image. */
export async function stateOfImage(build: Build, image: Image): Promise<StageState> {
  const { manifest, config } = await build.context.images.documents(image.id);
  await build.lease.hold([
    image.id,
    ...manifest.layers.map(({ digest }) => digest),
    ...chainIds(config.rootfs.diff_ids),
  ]);
  return {
    config,
    layers: manifest.layers,
    image: await build.context.images.get(image.id),
    key: keyOf('image', image.id),
    args: new Map(),
  };
}

export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The state after an instruction that makes no layer. */
export function withConfig(
  state: StageState,
  createdBy: string,
  change: { readonly config?: OciExecutionConfig; readonly author?: string },
): StageState {
  const createdAt = state.config.created;
  return {
    ...state,
    config: extendConfig(state.config, {
      createdBy,
      ...change,
      // The time of the last layer: a build that changes nothing makes the same image again.
      createdAt: createdAt ?? '1970-01-01T00:00:00Z',
    }),
    key: keyOf(state.key, createdBy, change),
  };
}

/** Annotation of the index entry under which the result of a step is found again. */
export function stepAnnotation(key: string): Readonly<Record<string, string>> {
  return { [annotations.buildStep]: key };
}

/** Values of variables: ENV wins over ARG, as the last word of the image's author. */
export function lookupIn(state: StageState): (name: string) => string | undefined {
  const env = new Map(
    (state.config.config?.Env ?? []).map((entry) => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
  return (name) => env.get(name) ?? state.args.get(name);
}

import type { ImageStep } from '../model/image.js';
import type { KnownImage } from './store/catalog.js';
import type { OciHistory, OciImageConfig } from './oci.js';

/** What one step adds to an image's config. */
export interface ConfigStep {
  readonly createdBy: string;
  /** Undefined: the step made no layer. */
  readonly diffId?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Of the new image. @default now */
  readonly createdAt?: string;
  /** The execution config afterwards. @default as it was */
  readonly config?: OciImageConfig['config'];
}

/** The config of the image that a step makes of another: one more diff id, one more line of history. */
export function extendConfig(parent: OciImageConfig, step: ConfigStep): OciImageConfig {
  const created = step.createdAt ?? new Date().toISOString();
  const entry: OciHistory = {
    created,
    created_by: step.createdBy,
    ...(step.author === undefined ? {} : { author: step.author }),
    ...(step.comment === undefined ? {} : { comment: step.comment }),
    ...(step.diffId === undefined ? { empty_layer: true } : {}),
  };
  const added = step.diffId === undefined ? [] : [step.diffId];
  return {
    ...parent,
    created,
    ...(step.author === undefined ? {} : { author: step.author }),
    ...(step.config === undefined ? {} : { config: step.config }),
    rootfs: { type: 'layers', diff_ids: [...parent.rootfs.diff_ids, ...added] },
    history: [...(parent.history ?? []), entry],
  };
}

/** Steps of an image, newest first. Layers without a line of history come last, as the oldest. */
export function historyOf(
  image: KnownImage,
  sizeOf: (chainId: string) => number,
  references: readonly string[],
): readonly ImageStep[] {
  const lines = image.source.history ?? [];
  const described = lines.filter((line) => line.empty_layer !== true).length;
  let layer = Math.max(0, image.chainIds.length - described);
  const undescribed = image.chainIds.slice(0, layer).map((chainId): ImageStep => ({
    ...emptyStep,
    sizeBytes: sizeOf(chainId),
  }));
  const steps = lines.map((line): ImageStep => {
    const chainId = line.empty_layer === true ? undefined : image.chainIds[layer++];
    return {
      ...emptyStep,
      createdAtMs: Date.parse(line.created ?? '') || 0,
      createdBy: line.created_by ?? '',
      comment: line.comment ?? '',
      sizeBytes: chainId === undefined ? 0 : sizeOf(chainId),
    };
  });
  const [newest = emptyStep, ...older] = [...undescribed, ...steps].reverse();
  return [{ ...newest, imageId: image.id, references }, ...older];
}

const emptyStep: ImageStep = {
  imageId: null,
  references: [],
  createdAtMs: 0,
  createdBy: '',
  comment: '',
  sizeBytes: 0,
};

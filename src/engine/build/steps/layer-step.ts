import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { makeTemporaryDirectory } from '../../../host/temporary-directory.js';
import { applyRecords, RecordFile } from '../../../host/tree/apply-records.js';
import { removeTree } from '../../../host/tree/remove-tree.js';
import { extendConfig } from '../../../image/history.js';
import { packChanges, type PackRequest } from '../../../image/layer/pack-changes.js';
import { writeLayer } from '../../../image/layer/write-layer.js';
import { chainIds, mediaTypes } from '../../../image/oci.js';
import { openMergedView } from '../../../storage/merged-view.js';
import { stateOfImage, stepAnnotation, type Build, type StageState } from '../build-state.js';

export interface LayerStep {
  /** Names the state before and everything that the step depends on. */
  readonly key: string;
  /** For the image's history. */
  readonly createdBy: string;
  /** Changes files and says what of them makes the layer. `temporary` is an empty directory of ours. */
  readonly work: (temporary: string) => Promise<Omit<PackRequest, 'host'>>;
}

/** The state after a step that makes a layer: found in the cache, or made and put there. */
export async function layerStep(
  build: Build,
  state: StageState,
  step: LayerStep,
): Promise<{ readonly state: StageState; readonly cached: boolean }> {
  const { images } = build.context;
  const [[name, key] = ['', '']] = Object.entries(stepAnnotation(step.key));
  const known = build.options.noCache === true ? null : await images.findAnnotated(name, key);
  const image = known ?? (await makeLayer(build, state, step));
  const next = await stateOfImage(build, image);
  return { state: { ...next, key: step.key, args: state.args }, cached: known !== null };
}

type AddedImage = ReturnType<Build['context']['images']['add']>;

async function makeLayer(build: Build, state: StageState, step: LayerStep): AddedImage {
  const { context, options } = build;
  return await withTemporary(build, async (temporary) => {
    const changes = await step.work(temporary);
    const file = join(temporary, 'layer.tar.gz');
    const tar = packChanges({ ...changes, host: context.host });
    const { digest, diffId, size } = await writeLayer(tar, file, options.signal);
    const createdAt = new Date(context.clock.now()).toISOString();
    const config = extendConfig(state.config, { createdBy: step.createdBy, diffId, createdAt });
    await build.lease.hold([digest, ...chainIds(config.rootfs.diff_ids)]);
    const blob = { mediaType: mediaTypes.layerGzip, digest, size };
    return await context.images.add({
      config,
      layers: [...state.layers.map((layer) => ({ blob: layer })), { blob, file }],
      annotations: stepAnnotation(step.key),
    });
  });
}

/** Runs `work` with a directory that goes with it; what a killed process left, the next opening of the store removes. */
export async function withTemporary<T>(
  { context }: Build,
  work: (temporary: string) => Promise<T>,
): Promise<T> {
  const parent = join(context.settings.dataRoot, 'tmp');
  const temporary = makeTemporaryDirectory(parent, 'image');
  try {
    return await work(temporary);
  } finally {
    await removeTree(temporary);
  }
}

/** Makes what `fill` records on top of the state's layers. */
export async function applyToState(
  { context, options }: Build,
  state: StageState,
  change: {
    readonly temporary: string;
    readonly fill: (records: RecordFile) => Promise<void>;
  },
): Promise<Omit<PackRequest, 'host'>> {
  const { dataRoot } = context.settings;
  const upper = join(change.temporary, 'upper');
  const work = join(change.temporary, 'work');
  mkdirSync(upper, { mode: 0o755 });
  mkdirSync(work, { mode: 0o700 });
  await using records = await RecordFile.create(join(change.temporary, 'records'));
  await change.fill(records);
  const target = options.signal === undefined ? {} : { signal: options.signal };
  const layers = state.image?.layers ?? [];
  if (layers.length === 0) {
    await applyRecords(context.host, records, { root: upper, ...target });
    return { upper };
  }
  await using view = await openMergedView({
    dataRoot,
    host: context.host,
    layers,
    writable: { upper: relative(dataRoot, upper), work: relative(dataRoot, work) },
  });
  await applyRecords(context.host, records, { root: view.path, ...target });
  return { upper };
}

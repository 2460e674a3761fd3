import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { applyChanges } from '../../image/change.js';
import { extendConfig } from '../../image/history.js';
import { packChanges } from '../../image/layer/pack-changes.js';
import { writeLayer } from '../../image/layer/write-layer.js';
import { mediaTypes, type OciExecutionConfig } from '../../image/oci.js';
import type { ContainerRecord } from '../../model/container.js';
import type { Image } from '../../model/image.js';
import type { EngineContext } from '../context.js';
import type { CommitOptions } from '../contract.js';
import { containerPath } from '../launch/launch-input.js';
import { withContainerLock } from '../state/container-lock.js';
import { liveKeeper } from '../state/live-container.js';
import { readState } from '../state/read-states.js';

const nanosecondsPerMs = 1_000_000;

/** Files and directories that only exist in the writable layer because something is mounted on them. */
const mounted = ['dev', 'proc', 'sys', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

/**
 * Makes an image of a container: its image's layers and one of what it has changed, and the config that it runs with. A running container is
 * frozen while its files are read, unless `pause` is false.
 * @throws WarrenError notFound (NO_SUCH_CONTAINER, IMAGE_NOT_FOUND), unsupported (COMMIT_VOLATILE), invalidArgument
 */
export async function commitContainer(
  context: EngineContext,
  reference: string,
  options: CommitOptions,
): Promise<Image> {
  const found = context.records.containers.resolve(reference);
  if (found.spec.volatileSizeBytes > 0) {
    throw new WarrenError(
      'unsupported',
      'COMMIT_VOLATILE',
      `Cannot commit ${found.name}: its writable layer is in memory (--volatile)`,
      { hint: 'Export it and import the archive, or run it without --volatile' },
    );
  }
  const { signal } = options;
  return await withContainerLock(context, found, {
    operation: 'commit',
    signal,
    work: async ({ record }) => {
      const what = `commit ${record.id}`;
      return await context.images.withLease(what, async (lease) => {
        const parent = await context.images.documents(record.spec.imageId);
        await lease.hold(parent.manifest.layers.map(({ digest }) => digest));
        return await context.images.withTemporary(async (temporary) => {
          options.onProgress?.({ kind: 'step', name: 'commit', detail: record.name });
          const file = join(temporary, 'layer');
          const changes = packChanges({
            upper: join(context.settings.dataRoot, containerPath(record.id, 'upper')),
            host: context.host,
            mountPoints: mountPointsOf(record),
          });
          const layer = await whileFrozen(context, record, {
            wanted: options.pause ?? true,
            work: () => writeLayer(changes, file, signal),
          });
          const blob = { mediaType: mediaTypes.layerGzip, digest: layer.digest, size: layer.size };
          const config = extendConfig(parent.config, {
            createdBy: [...record.spec.entrypoint, ...record.spec.command].join(' '),
            diffId: layer.diffId,
            ...(options.message === undefined ? {} : { comment: options.message }),
            ...(options.author === undefined ? {} : { author: options.author }),
            config: applyChanges(
              runningConfig(record, parent.config.config ?? {}),
              options.changes ?? [],
            ),
          });
          return await context.images.add({
            config,
            layers: [...parent.manifest.layers.map((each) => ({ blob: each })), { blob, file }],
            references: options.reference === undefined ? [] : [options.reference],
          });
        });
      });
    },
  });
}

/** What the container runs with, and of the image's config what a container has no say in. */
function runningConfig({ spec }: ContainerRecord, image: OciExecutionConfig): OciExecutionConfig {
  const { health } = spec;
  return {
    ...image,
    User: spec.user,
    Env: spec.env,
    Entrypoint: spec.entrypoint,
    Cmd: spec.command,
    WorkingDir: spec.workingDir,
    Labels: spec.labels,
    StopSignal: String(spec.stopSignal),
    ...(health === null
      ? {}
      : {
          Healthcheck: {
            Test: [health.shell ? 'CMD-SHELL' : 'CMD', ...health.test],
            Interval: health.intervalMs * nanosecondsPerMs,
            Timeout: health.timeoutMs * nanosecondsPerMs,
            StartPeriod: health.startPeriodMs * nanosecondsPerMs,
            Retries: health.retries,
          },
        }),
  };
}

function mountPointsOf({ spec }: ContainerRecord): ReadonlySet<string> {
  const targets = spec.mounts.map(({ target }) => Buffer.from(target.slice(1)).toString('latin1'));
  return new Set([...mounted, ...targets]);
}

/** The intent lets the next engine thaw the container if this process dies meanwhile. */
async function whileFrozen<T>(
  context: EngineContext,
  record: ContainerRecord,
  { wanted, work }: { readonly wanted: boolean; readonly work: () => Promise<T> },
): Promise<T> {
  const { status } = await readState(context, record);
  if (!wanted || status !== 'running') return await work();
  const { intents } = context.records;
  const intent = await intents.begin({
    ...context.self,
    operation: 'commit',
    subjects: [record.id],
  });
  try {
    const { keeper } = await liveKeeper(context, record, 'pause');
    await keeper.containers.freeze(record.id, true);
    try {
      return await work();
    } finally {
      await keeper.containers.freeze(record.id, false);
    }
  } finally {
    await intents.end(intent);
  }
}

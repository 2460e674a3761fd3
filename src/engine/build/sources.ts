import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import { DirectoryHandle } from '../../host/tree/directory-handle.js';
import { parseIgnore, type IgnoreFile } from '../../image/dockerfile/ignore.js';
import { findStage } from '../../image/dockerfile/stages.js';
import { openMergedView } from '../../storage/merged-view.js';
import type { Image } from '../../model/image.js';
import { provideImage } from '../storage/provide-image.js';
import { stateOfImage, type Build, type StageState } from './build-state.js';
import type { CopySource } from './steps/copy-source.js';

export interface OpenSource extends CopySource, AsyncDisposable {}

const nothingIgnored: IgnoreFile = { ignores: () => false, hasExceptions: false };

/** The context, without what .dockerignore names. Throws invalidArgument (CONTEXT, DOCKERIGNORE). */
export async function openContextSource({ context, options }: Build): Promise<OpenSource> {
  const { ignores, hasExceptions } = readIgnore(options);
  let root: DirectoryHandle;
  try {
    root = await DirectoryHandle.open(options.context);
  } catch (cause) {
    const reason = errnoOf(cause) === 'ENOENT' ? 'it does not exist' : 'it is no directory';
    throw new WarrenError(
      'invalidArgument',
      'CONTEXT',
      `Cannot build from context ${options.context}: ${reason}`,
      { cause },
    );
  }
  return {
    root,
    host: context.host,
    attributes: new Map(),
    ignores,
    hasExceptions,
    keepOwners: false,
    [Symbol.asyncDispose]: () => root.close(),
  };
}

/** The files of an earlier stage, or of an image. */
export async function openStageSource(build: Build, reference: string): Promise<OpenSource> {
  const state = await finalStateOf(build, reference);
  const layers = state.image?.layers ?? [];
  if (layers.length === 0) {
    throw new WarrenError(
      'invalidArgument',
      'EMPTY_STAGE',
      `Cannot copy from ${reference}: it has no files`,
    );
  }
  const { dataRoot } = build.context.settings;
  const view = await openMergedView({ dataRoot, host: build.context.host, layers });
  return {
    ...nothingIgnored,
    root: view.root,
    host: build.context.host,
    attributes: new Map(),
    keepOwners: true,
    [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
  };
}

async function finalStateOf(build: Build, reference: string): Promise<StageState> {
  const stage = findStage(build.stages, reference);
  const finished = stage === undefined ? undefined : build.finished.get(stage.index);
  if (finished !== undefined) return finished;
  return await stateOfImage(build, await namedImage(build, reference));
}

/** An image that a Dockerfile names, from the store, or pulled as the options say. */
export async function namedImage(build: Build, reference: string): Promise<Image> {
  const { context, options, step } = build;
  const { onEvent, pull = 'never', signal } = options;
  return await provideImage(
    context,
    { image: reference, pull },
    {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (event) => {
        if (event.kind !== 'step') return;
        onEvent?.({ kind: 'output', step, text: `${event.name} ${event.detail}`.trimEnd() + '\n' });
      },
    },
  );
}

function readIgnore({ context, dockerfile }: Build['options']): IgnoreFile {
  const candidates = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(context, '.dockerignore'),
  ];
  for (const path of candidates) {
    try {
      return parseIgnore(readFileSync(path, 'utf8'));
    } catch (cause) {
      if (['ENOENT', 'ENOTDIR'].includes(errnoOf(cause) ?? '')) continue;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new WarrenError('invalidArgument', 'DOCKERIGNORE', `Cannot use ${path}: ${reason}`, {
        cause,
      });
    }
  }
  return nothingIgnored;
}

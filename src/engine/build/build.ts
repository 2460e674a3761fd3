import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { Instruction } from '../../image/dockerfile/instruction.js';
import { parseDockerfile, type ParsedDockerfile } from '../../image/dockerfile/parse.js';
import { findStage, intoStages, neededStages, type Stage } from '../../image/dockerfile/stages.js';
import type { Image } from '../../model/image.js';
import type { EngineContext } from '../context.js';
import { requireHostPlatform } from './build-platform.js';
import { emptyState, type Build, type StageState } from './build-state.js';
import { withContext } from './context-archive.js';
import type { BuildOptions } from './contract.js';
import { argsOf, buildStage, predefinedArgs } from './stage.js';

/**
 * Builds an image from a Dockerfile. Every RUN is a container of its own with the default isolation; the results of steps are kept
 * in the store as unnamed images, and found again by a key over everything that led to them.
 * @throws WarrenError invalidArgument (DOCKERFILE, with file and line), conflict (a step failed), canceled
 */
export async function buildImage(context: EngineContext, options: BuildOptions): Promise<Image> {
  return await withContext(context, options, (local) => buildFrom(context, local));
}

async function buildFrom(context: EngineContext, options: BuildOptions): Promise<Image> {
  if (options.platform !== undefined) requireHostPlatform(options.platform);
  const parsed = readDockerfile(options);
  const { globals, stages } = intoStages(parsed.instructions);
  const target = targetOf(stages, options.target);
  return await context.images.withLease(`build ${options.context}`, async (lease) => {
    const build: Build = {
      context,
      options,
      escape: parsed.escape,
      lease,
      globals: globalArgs(parsed, globals, options),
      stages,
      finished: new Map(),
      step: 0,
    };
    for (const stage of neededStages(stages, target)) {
      build.finished.set(stage.index, await buildStage(build, stage));
    }
    const state = build.finished.get(target.index);
    if (state === undefined) throw new Error('The target was built');
    warnOfUnusedArgs(build);
    return await finish(build, state);
  });
}

async function finish({ context, options }: Build, state: StageState): Promise<Image> {
  const { tags = [], labels = {} } = options;
  const config = state.config.config ?? {};
  if (state.layers.length === 0) {
    throw new WarrenError(
      'invalidArgument',
      'EMPTY_IMAGE',
      'Cannot build: the last stage has no files',
    );
  }
  return await context.images.add({
    config: {
      ...state.config,
      config: Object.keys(labels).length === 0 ? config : { ...config, Labels: { ...config.Labels, ...labels } },
    },
    layers: state.layers.map((blob) => ({ blob })),
    references: tags,
  });
}

function readDockerfile(options: BuildOptions): ParsedDockerfile {
  const path = options.dockerfile ?? join(options.context, 'Dockerfile');
  const name = options.dockerfile ?? basename(path);
  if (options.dockerfileText !== undefined) return parseDockerfile(options.dockerfileText, name);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WarrenError(
      'notFound',
      'DOCKERFILE_MISSING',
      `Cannot read Dockerfile ${path}: ${errnoOf(cause) === 'ENOENT' ? 'it does not exist' : String(errnoOf(cause))}`,
      { hint: 'Name it with --file', cause },
    );
  }
  return parseDockerfile(text, name);
}

function targetOf(stages: readonly Stage[], wanted: string | undefined): Stage {
  const stage = wanted === undefined ? stages.at(-1) : findStage(stages, wanted);
  if (stage !== undefined) return stage;
  const names = stages.map(({ name, index }) => (name === '' ? `${index}` : name));
  throw new WarrenError(
    'notFound',
    'NO_SUCH_STAGE',
    `Cannot build: there is no stage ${wanted ?? ''}`,
    { hint: `Stages: ${names.join(', ')}` },
  );
}

function globalArgs(
  { escape }: ParsedDockerfile,
  instructions: readonly Instruction[],
  options: BuildOptions,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const instruction of instructions) {
    const state = { ...emptyState(), args: new Map([...predefinedArgs(), ...values]) };
    for (const [name, fallback] of argsOf({ escape }, state, instruction)) {
      const value = options.buildArgs?.[name] ?? fallback;
      if (value !== undefined) values.set(name, value);
    }
  }
  return values;
}

function warnOfUnusedArgs({ options, globals, finished }: Build): void {
  const used = new Set([...globals.keys(), ...[...finished.values()].flatMap(({ args }) => [...args.keys()])]);
  for (const name of Object.keys(options.buildArgs ?? {})) {
    if (used.has(name) || /^(?:http|https|ftp|no|all)_proxy$/i.test(name)) continue;
    options.onEvent?.({ kind: 'warning', message: `no ARG declares ${name}, which was given a value` });
  }
}

import { applyConfig, configKeywords } from '../../image/dockerfile/apply-config.js';
import {
  flagValue,
  instructionError,
  requireFlags,
  type Instruction,
} from '../../image/dockerfile/instruction.js';
import { parseInstruction } from '../../image/dockerfile/parse.js';
import { findStage, type Stage } from '../../image/dockerfile/stages.js';
import { splitWords } from '../../image/dockerfile/words.js';
import { hostPlatform, requireHostPlatform } from './build-platform.js';
import {
  emptyState,
  keyOf,
  stateOfImage,
  withConfig,
  type Build,
  type StageState,
} from './build-state.js';
import { copyStep } from './steps/copy-step.js';
import { runStep } from './steps/run-step.js';
import { namedImage } from './sources.js';
import type { StepResult } from './steps/step-result.js';
import { createdByOf, expander, expanderWith } from './variables.js';
import { workdirStep } from './steps/workdir-step.js';

/** Variables that every stage may declare without a value. */
export function predefinedArgs(): ReadonlyMap<string, string> {
  const { os, architecture } = hostPlatform();
  const platform = `${os}/${architecture}`;
  return new Map(
    ['TARGET', 'BUILD'].flatMap((which) => [
      [`${which}PLATFORM`, platform],
      [`${which}OS`, os],
      [`${which}ARCH`, architecture],
    ]),
  );
}

/** Performs the instructions of one stage. */
export async function buildStage(build: Build, stage: Stage): Promise<StageState> {
  const { onEvent } = build.options;
  const total = stage.steps.length + 1;
  const shown = stage.name === '' ? `stage-${stage.index}` : stage.name;
  const announce = (instruction: Instruction, index: number): number => {
    build.options.signal?.throwIfAborted();
    build.step += 1;
    const text = createdByOf(instruction).split('\n')[0] ?? '';
    onEvent?.({ kind: 'step', step: build.step, stage: shown, index, total, text });
    return performance.now();
  };
  let startedAt = announce(stage.from, 1);
  let state = await baseState(build, stage);
  onEvent?.({ kind: 'done', step: build.step, ms: performance.now() - startedAt });
  state = await runTriggers(build, state, stage);
  for (const [index, instruction] of stage.steps.entries()) {
    startedAt = announce(instruction, index + 2);
    const result = await perform(build, state, instruction);
    ({ state } = result);
    if (result.cached) onEvent?.({ kind: 'cached', step: build.step });
    else onEvent?.({ kind: 'done', step: build.step, ms: performance.now() - startedAt });
  }
  return state;
}

async function baseState(build: Build, { base, from, index }: Stage): Promise<StageState> {
  const lookup = (name: string): string | undefined =>
    build.globals.get(name) ?? predefinedArgs().get(name);
  const expand = expanderWith(lookup, build.escape, from);
  const platform = flagValue(from, 'platform');
  if (platform !== undefined) requireHostPlatform(expand(platform));
  const reference = expand(base);
  if (reference === '')
    throw instructionError(from, `${base} is empty: no ARG before the first FROM gives it a value`);
  if (reference === 'scratch') return emptyState();
  const stage = findStage(build.stages.slice(0, index), reference);
  const finished = stage === undefined ? undefined : build.finished.get(stage.index);
  if (finished !== undefined) return { ...finished, args: new Map() };
  return await stateOfImage(build, await namedImage(build, reference));
}

/** ONBUILD of the base image: as if these instructions came after FROM. */
async function runTriggers(build: Build, state: StageState, stage: Stage): Promise<StageState> {
  const { OnBuild: triggers = [], ...config } = state.config.config ?? {};
  let current: StageState = { ...state, config: { ...state.config, config } };
  for (const trigger of triggers) {
    const instruction = parseInstruction(trigger, stage.from.place);
    ({ state: current } = await perform(build, current, instruction));
  }
  return current;
}

async function perform(
  build: Build,
  state: StageState,
  instruction: Instruction,
): Promise<StepResult> {
  switch (instruction.keyword) {
    case 'RUN':
      return await runStep(build, state, instruction);
    case 'COPY':
    case 'ADD':
      return await copyStep(build, state, instruction);
    case 'WORKDIR':
      return await workdirStep(build, state, instruction);
    case 'ARG':
      return { state: declareArgs(build, state, instruction), cached: true };
    case 'MAINTAINER':
      requireFlags(instruction, []);
      return {
        state: withConfig(state, createdByOf(instruction), { author: instruction.text }),
        cached: true,
      };
    default:
      return { state: configure(build, state, instruction), cached: true };
  }
}

function configure(build: Build, state: StageState, instruction: Instruction): StageState {
  if (!configKeywords.has(instruction.keyword))
    throw instructionError(instruction, 'unknown instruction');
  const config = applyConfig(instruction, {
    config: state.config.config ?? {},
    expand: expander(build, state, instruction),
    escape: build.escape,
  });
  return withConfig(state, createdByOf(instruction), { config });
}

function declareArgs(build: Build, state: StageState, instruction: Instruction): StageState {
  const args = new Map(state.args);
  for (const [name, fallback] of argsOf(build, state, instruction)) {
    const value =
      build.options.buildArgs?.[name] ??
      fallback ??
      build.globals.get(name) ??
      predefinedArgs().get(name);
    if (value !== undefined) args.set(name, value);
  }
  return { ...state, args, key: keyOf(state.key, 'ARG', [...args]) };
}

/** Names with their defaults. */
export function argsOf(
  build: Pick<Build, 'escape'>,
  state: StageState,
  instruction: Instruction,
): readonly (readonly [name: string, fallback: string | undefined])[] {
  requireFlags(instruction, []);
  const expand = expander(build, state, instruction);
  const words = splitWords(instruction.text, build.escape);
  if (words.length === 0) throw instructionError(instruction, 'it needs a name');
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) return [expand(word), undefined];
    return [word.slice(0, equals), expand(word.slice(equals + 1))];
  });
}

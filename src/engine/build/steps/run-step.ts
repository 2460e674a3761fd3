import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { withUndo } from '../../../base/undo.js';
import { defaultShell, withVariables } from '../../../image/dockerfile/apply-config.js';
import {
  flagValue,
  instructionError,
  requireFlags,
  type Instruction,
} from '../../../image/dockerfile/instruction.js';
import { parseRunMount, type RunMount } from '../../../image/dockerfile/mount-flag.js';
import type { ContainerConfig, Mount, NetworkMode } from '../../../model/container-config.js';
import type { Image } from '../../../model/image.js';
import { keyOf, type Build, type StageState } from '../build-state.js';
import { existingIn } from '../image-files.js';
import { layerStep } from './layer-step.js';
import { runStepContainer, type StepExit } from './run-container.js';
import { provideMount } from './run-mounts.js';
import type { StepResult } from './step-result.js';
import { createdByOf, expander } from '../variables.js';

const scriptTarget = '/run/warren-build-script';
/** What every container has mounted. */
const alwaysMounted = ['/dev', '/proc', '/sys', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];
const keptOutputLength = 2000;

/** RUN: a command in a container on top of the stage's files. */
export async function runStep(
  build: Build,
  state: StageState,
  instruction: Instruction,
): Promise<StepResult> {
  requireFlags(instruction, ['mount', 'network', 'security']);
  const mounts = mountsOf(build, state, instruction);
  const { image } = state;
  if (image === null)
    throw instructionError(instruction, 'the stage has no files yet, so there is nothing to run');
  if (instruction.text === '') throw instructionError(instruction, 'it needs a command');
  const createdBy = createdByOf(instruction);
  return await layerStep(build, state, {
    key: keyOf(state.key, createdBy, mounts),
    createdBy,
    work: async (temporary) => await runIn(build, { state, image, instruction, mounts, temporary }),
  });
}

interface Run {
  readonly state: StageState;
  readonly image: Image;
  readonly instruction: Instruction;
  readonly mounts: readonly RunMount[];
  readonly temporary: string;
}

async function runIn(
  build: Build,
  { state, image, instruction, mounts, temporary }: Run,
): ReturnType<Parameters<typeof layerStep>[2]['work']> {
  const { context, options, step } = build;
  const workingDir = state.config.config?.WorkingDir ?? '/';
  return await withUndo(async (undo) => {
    const provided: Mount[] = [];
    try {
      for (const mount of mounts) {
        const one = await provideMount(build, mount, { workingDir, temporary, undo });
        if (one !== null) provided.push(one);
      }
      const { command, script } = commandFor(instruction, state, temporary);
      if (script !== null) provided.push(script);
      const mountPoints = await missingMountPoints(build, state, provided);
      const upper = join(temporary, 'packed');
      let kept = '';
      const exit = await runStepContainer(context, {
        config: configOf(build, { state, instruction, command, mounts: provided }),
        image: { ...image, config: { ...image.config, volumes: [], entrypoint: [], health: null } },
        onSuccess: async (id) => {
          // The container goes; its files stay until they are packed.
          renameSync(join(context.settings.dataRoot, 'containers', id, 'upper'), upper);
        },
        onOutput: (text) => {
          kept = (kept + text).slice(-keptOutputLength);
          options.onEvent?.({ kind: 'output', step, text });
        },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      if (exit.exitCode !== 0) throw stepFailed(instruction, exit, kept);
      return { upper, mountPoints };
    } finally {
      await undo.unwind();
    }
  });
}

function mountsOf(build: Build, state: StageState, instruction: Instruction): readonly RunMount[] {
  const expand = expander(build, state, instruction);
  return instruction.flags
    .filter(({ name }) => name === 'mount')
    .map(({ value = '' }) => {
      try {
        return parseRunMount(expand(value));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw instructionError(instruction, `--mount=${value}: ${reason}`, { cause });
      }
    });
}

/** A here-document that is all of the instruction is a script: with `#!` a file of its own. */
function commandFor(
  instruction: Instruction,
  { config: { config = {} } }: StageState,
  temporary: string,
): { readonly command: readonly string[]; readonly script: Mount | null } {
  const { json, text, hereDocuments } = instruction;
  const shell = config.Shell ?? defaultShell;
  if (json !== null) return { command: json, script: null };
  const [only] = hereDocuments;
  if (only === undefined || !/^<<-?["']?[A-Za-z_][\w.]*["']?$/.test(text))
    return { command: [...shell, instruction.script], script: null };
  if (!only.content.startsWith('#!'))
    return { command: [...shell, only.content], script: null };
  const source = join(temporary, 'script');
  writeFileSync(source, only.content);
  chmodSync(source, 0o755);
  const mount = { type: 'bind', source, target: scriptTarget, readOnly: true, idmap: true } as const;
  return { command: [scriptTarget], script: mount };
}

function configOf(
  { options }: Build,
  run: {
    readonly state: StageState;
    readonly instruction: Instruction;
    readonly command: readonly string[];
    readonly mounts: readonly Mount[];
  },
): ContainerConfig {
  const { state, instruction, command, mounts } = run;
  const config = state.config.config ?? {};
  const network = networkOf(instruction, options.network);
  return {
    image: run.state.image?.id ?? '',
    command,
    entrypoint: [],
    // ENV wins over ARG.
    env: withVariables(
      [...state.args].map(([name, value]) => `${name}=${value}`),
      (config.Env ?? []).map((entry): [string, string] => {
        const equals = entry.indexOf('=');
        return [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    ),
    workingDir: config.WorkingDir ?? '/',
    user: config.User ?? '',
    mounts,
    health: false,
    log: { driver: 'none' },
    stopSignal: 'SIGKILL',
    ...(network === undefined ? {} : { network }),
  };
}

function networkOf(
  instruction: Instruction,
  chosen: NetworkMode | undefined,
): NetworkMode | undefined {
  if ((flagValue(instruction, 'security') ?? 'sandbox') !== 'sandbox')
    throw instructionError(instruction, '--security=insecure is not supported', {
      kind: 'unsupported',
    });
  const wanted = flagValue(instruction, 'network') ?? 'default';
  if (wanted === 'default') return chosen;
  if (wanted === 'none') return 'none';
  if (wanted === 'host' && chosen === 'host') return 'host';
  throw instructionError(instruction, `--network=${wanted} is not allowed`, {
    kind: wanted === 'host' ? 'permissionDenied' : 'invalidArgument',
    hint: 'RUN takes default and none; host only when the build itself has --network host',
  });
}

/** Places that exist only because something is mounted there, with the directories made on the way. */
async function missingMountPoints(
  build: Build,
  state: StageState,
  mounts: readonly Mount[],
): Promise<ReadonlySet<string>> {
  const targets = [...alwaysMounted, ...mounts.map(({ target }) => target)];
  const paths = new Set(
    targets.flatMap((target) => {
      const parts = posix.normalize(target).split('/').slice(1);
      return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    }),
  );
  const existing = await existingIn(build, state, [...paths]);
  const missing = [...paths].filter((path) => !existing.has(path));
  return new Set(missing.map((path) => Buffer.from(path, 'utf8').toString('latin1')));
}

function stepFailed(instruction: Instruction, exit: StepExit, output: string): Error {
  const how = exit.oomKilled
    ? 'it ran out of memory'
    : exit.exitCode === null
      ? `it was ended by ${exit.signal ?? 'an unknown cause'}`
      : `the command ended with exit code ${exit.exitCode}`;
  const last = output.trimEnd().split('\n').slice(-5).join('\n');
  return instructionError(instruction, how, {
    kind: 'conflict',
    ...(last === '' ? {} : { hint: `Its last output: ${last}` }),
  });
}

import { posix } from 'node:path';
import {
  instructionError,
  requireFlags,
  type Instruction,
} from '../../../image/dockerfile/instruction.js';
import { keyOf, withConfig, type Build, type StageState } from '../build-state.js';
import { isDirectoryIn } from '../image-files.js';
import { ownerOf } from '../image-user.js';
import { applyToState, layerStep } from './layer-step.js';
import type { StepResult } from './step-result.js';
import { createdByOf, expander } from '../variables.js';

/** WORKDIR: the directory is made when it is not there, and belongs to the stage's user. */
export async function workdirStep(
  build: Build,
  state: StageState,
  instruction: Instruction,
): Promise<StepResult> {
  requireFlags(instruction, []);
  const wanted = expander(build, state, instruction)(instruction.text);
  if (wanted === '') throw instructionError(instruction, 'it needs a path');
  const config = state.config.config ?? {};
  const path = posix.resolve('/', config.WorkingDir ?? '/', wanted);
  const createdBy = createdByOf(instruction);
  const changed = { ...config, WorkingDir: path };
  const inside = path.slice(1);
  if (inside === '' || (await isDirectoryIn(build, state, inside)))
    return { state: withConfig(state, createdBy, { config: changed }), cached: true };
  const configured: StageState = {
    ...state,
    config: { ...state.config, config: changed },
  };
  const owner = ownerOf(build, state, config.User ?? '');
  return await layerStep(build, configured, {
    key: keyOf(state.key, createdBy),
    createdBy,
    work: async (temporary) =>
      await applyToState(build, configured, {
        temporary,
        fill: async (records) => {
          await records.add(
            {
              path: Buffer.from(inside, 'utf8').toString('latin1'),
              type: 'directory',
              mode: 0o755,
              size: 0,
              mtimeSeconds: Math.floor(build.context.clock.now() / 1000),
              ...owner,
            },
            { unlessPresent: true },
          );
        },
      }),
  });
}

import { instructionError, requireFlags, type Instruction } from './instruction.js';
import { splitWords } from './words.js';

/** What is between one FROM and the next. */
export interface Stage {
  readonly index: number;
  /** Lower case; empty: it has only its number. */
  readonly name: string;
  /** As written, with variables. */
  readonly base: string;
  readonly from: Instruction;
  readonly steps: readonly Instruction[];
}

export interface StagedDockerfile {
  /** ARGs before the first FROM. */
  readonly globals: readonly Instruction[];
  readonly stages: readonly Stage[];
}

/** Throws invalidArgument (DOCKERFILE). */
export function intoStages(instructions: readonly Instruction[]): StagedDockerfile {
  const globals: Instruction[] = [];
  const stages: (Stage & { readonly steps: Instruction[] })[] = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.keyword === 'FROM') stages.push(newStage(instruction, stages));
    else if (stage !== undefined) stage.steps.push(instruction);
    else if (instruction.keyword === 'ARG') globals.push(instruction);
    else throw instructionError(instruction, 'there is no FROM before it');
  }
  const [first] = instructions;
  if (stages.length === 0 && first !== undefined)
    throw instructionError(first, 'the file has no FROM');
  return { globals, stages };
}

/** The stage of this name or number. */
export function findStage(stages: readonly Stage[], reference: string): Stage | undefined {
  return stages.findLast(
    ({ name, index }) =>
      (name !== '' && name === reference.toLowerCase()) || `${index}` === reference,
  );
}

/** The stages that are needed for one, itself included, in order. */
export function neededStages(stages: readonly Stage[], target: Stage): readonly Stage[] {
  const needed = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage)) return;
    needed.add(stage);
    const before = stages.slice(0, stage.index);
    for (const reference of referencesOf(stage)) {
      // Which one variables name is not known yet: it may be any.
      if (reference.includes('$')) before.forEach(visit);
      const found = findStage(before, reference);
      if (found !== undefined) visit(found);
    }
  };
  visit(target);
  return stages.filter((stage) => needed.has(stage));
}

function referencesOf({ base, steps }: Stage): readonly string[] {
  const froms = steps.flatMap(({ flags }) =>
    flags.flatMap(({ name, value = '' }) => {
      if (name === 'from') return [value];
      const from = name === 'mount' ? /(?:^|,)from=([^,]*)/.exec(value)?.[1] : undefined;
      return from === undefined ? [] : [from];
    }),
  );
  return [base, ...froms];
}

function newStage(
  from: Instruction,
  before: readonly Stage[],
): Stage & { readonly steps: Instruction[] } {
  requireFlags(from, ['platform']);
  const [base = '', as, name = '', ...rest] = splitWords(from.text);
  const named = as !== undefined;
  if (base === '' || rest.length > 0 || (named && (as.toUpperCase() !== 'AS' || name === '')))
    throw instructionError(from, 'the form is FROM IMAGE [AS NAME]');
  if (named && !/^[a-z][a-z0-9-_.]*$/i.test(name))
    throw instructionError(from, `invalid name of a stage: ${name}`);
  if (before.some((stage) => stage.name === name.toLowerCase() && named))
    throw instructionError(from, `there is already a stage ${name}`);
  return { index: before.length, name: name.toLowerCase(), base, from, steps: [] };
}

import { instructionError, type Instruction } from '../../image/dockerfile/instruction.js';
import { expandWord } from '../../image/dockerfile/words.js';
import { lookupIn, type Build, type StageState } from './build-state.js';

/** Replaces variables and quotes in a word of an instruction. Throws invalidArgument (DOCKERFILE). */
export function expander(
  { escape }: Pick<Build, 'escape'>,
  state: StageState,
  instruction: Instruction,
): (word: string) => string {
  return expanderWith(lookupIn(state), escape, instruction);
}

export function expanderWith(
  lookup: (name: string) => string | undefined,
  escape: string,
  instruction: Instruction,
): (word: string) => string {
  return (word) => {
    try {
      return expandWord(word, { lookup, escape });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw instructionError(instruction, reason, { cause });
    }
  };
}

/** The instruction on one line, as the history and the progress show it. */
export function createdByOf({ keyword, flags, script }: Instruction): string {
  const words = flags.map(({ name, value }) =>
    value === undefined ? `--${name}` : `--${name}=${value}`,
  );
  return [keyword, ...words, script].join(' ');
}

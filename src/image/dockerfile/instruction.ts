import { WarrenError, type ErrorKind } from '../../base/errors.js';

/** Where something is in a Dockerfile, for messages. */
export interface SourcePlace {
  /** As the user called the file. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A document inside an instruction: `<<EOF`. */
export interface HereDocument {
  readonly name: string;
  readonly content: string;
  /** Variables in it are replaced: its name was not quoted. */
  readonly expand: boolean;
}

export interface Flag {
  readonly name: string;
  /** Undefined: the bare flag. */
  readonly value: string | undefined;
}

/** One instruction of a Dockerfile, its lines joined. */
export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  readonly flags: readonly Flag[];
  /** What follows keyword and flags, without here-documents. */
  readonly text: string;
  /** The same when it is a JSON list of strings, else null. */
  readonly json: readonly string[] | null;
  readonly hereDocuments: readonly HereDocument[];
  /** As written, for a shell: `text` and, below it, the here-documents. */
  readonly script: string;
  readonly place: SourcePlace;
}

/** The error of an instruction: `Dockerfile:12: …`. */
export function instructionError(
  { place, keyword }: Pick<Instruction, 'place' | 'keyword'>,
  reason: string,
  options: { readonly kind?: ErrorKind; readonly hint?: string; readonly cause?: unknown } = {},
): WarrenError {
  const { kind = 'invalidArgument', ...rest } = options;
  return new WarrenError(
    kind,
    'DOCKERFILE',
    `Cannot build: ${place.file}:${place.line}: ${keyword}: ${reason}`,
    { ...rest, details: { file: place.file, line: place.line } },
  );
}

/** Refuses flags that the instruction does not have. */
export function requireFlags(instruction: Instruction, known: readonly string[]): void {
  const unknown = instruction.flags.find(({ name }) => !known.includes(name));
  if (unknown === undefined) return;
  const hint =
    known.length === 0
      ? `${instruction.keyword} takes no flags`
      : `${instruction.keyword} takes ${known.map((name) => `--${name}`).join(', ')}`;
  throw instructionError(instruction, `unknown flag --${unknown.name}`, { hint });
}

export function flagValue(instruction: Instruction, name: string): string | undefined {
  return instruction.flags.findLast((flag) => flag.name === name)?.value;
}

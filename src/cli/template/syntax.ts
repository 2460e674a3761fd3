import type { Position } from './template-error.js';

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** `.` with fields: `.State.Status`. */
  | { readonly kind: 'dot'; readonly fields: readonly string[]; readonly at: Position }
  /** `$` (empty name) or `$name`, with fields. */
  | {
      readonly kind: 'variable';
      readonly name: string;
      readonly fields: readonly string[];
      readonly at: Position;
    }
  | { readonly kind: 'function'; readonly name: string; readonly at: Position }
  | {
      readonly kind: 'group';
      readonly pipeline: Pipeline;
      readonly fields: readonly string[];
      readonly at: Position;
    };

/** A function or value and its arguments. */
export interface Command {
  readonly operands: readonly [Operand, ...Operand[]];
  readonly at: Position;
}

/** Commands from left to right; the value of each is the last argument of the next. */
export interface Pipeline {
  /** Variables that take the value: one, or index and element in a range. */
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
  readonly at: Position;
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

import { WarrenError } from '../../base/errors.js';

/** Line and column are counted from 1, in the template as the user wrote it. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The position of a character of `text`. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** A fault in a template, or a template that does not fit the data. */
export function templateError(position: Position, reason: string, hint?: string): WarrenError {
  const place = `line ${position.line}, column ${position.column}`;
  return new WarrenError(
    'invalidArgument',
    'BAD_TEMPLATE',
    `Cannot use the template: ${place}: ${reason}`,
    {
      ...(hint === undefined ? {} : { hint }),
      details: { ...position },
    },
  );
}

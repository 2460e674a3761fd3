import type { CommandDefinition } from '../definition.js';

export interface CommandEntry {
  /** Words of the command: `['image', 'ls']`. */
  readonly path: readonly string[];
  readonly aliases?: readonly string[];
  /** One clause without a final period: shown in lists of commands. */
  readonly summary: string;
  /** Heading in `warren --help`; undefined: the command is not listed. */
  readonly group?: string;
  /** Another way to write a command: it works, and is documented there. */
  readonly again?: boolean;
  /** The module of the command. */
  readonly load: () => Promise<{ readonly command: CommandDefinition }>;
}

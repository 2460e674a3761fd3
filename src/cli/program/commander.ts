import { createRequire } from 'node:module';
import type * as commander from 'commander';

/**
 * commander, required: its ES module is a wrapper around CommonJS files, and looking for their names costs 5 ms at
 * every start of the program.
 */
const loaded = createRequire(import.meta.url)('commander') as typeof commander;

export const Command: typeof commander.Command = loaded.Command;
export const Option: typeof commander.Option = loaded.Option;
export const CommanderError: typeof commander.CommanderError = loaded.CommanderError;

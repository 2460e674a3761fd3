import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../base/package.js';
import type { CommandContext } from '../../context.js';
import { fileError } from '../../config/given-file.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, flag, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import { callBatch, printBatch } from '../batch.js';
import { bootUnit, unitDirectory, unitName } from './boot-unit.js';

/** How this very program is started, whatever PATH systemd has. */
function ownCommand(): readonly string[] {
  return [process.execPath, '--', join(packageRoot, 'bin', 'warren.js')];
}

/** Writes the unit and enables it, as `systemctl enable` would. */
function install({ output }: CommandContext, directory: string): void {
  const unit = join(directory, unitName);
  const wants = join(directory, 'multi-user.target.wants');
  try {
    writeFileSync(unit, bootUnit(ownCommand()), { mode: 0o644 });
    mkdirSync(wants, { recursive: true });
    rmSync(join(wants, unitName), { force: true });
    symlinkSync(unit, join(wants, unitName));
  } catch (error) {
    throw fileError('install', unit, error);
  }
  output.lines([
    `Installed ${unit}`,
    'It runs at the next boot. To let systemd know it now: systemctl daemon-reload',
  ]);
}

export const command: CommandDefinition = defineCommand({
  description:
    'Starts containers whose restart policy wants them to run after a reboot (always, and unless-stopped when nobody stopped them). A systemd unit calls it: --install sets that up.',
  arguments: [],
  options: {
    install: flag('--install', 'Install and enable a systemd unit that does this at boot'),
    unitDir: value('--unit-dir <dir>', 'Where --install puts the unit', {
      parse: asText,
      complete: 'directory',
      defaultText: unitDirectory,
    }),
    printUnit: flag('--print-unit', 'Print that unit'),
  },
  examples: [
    { command: 'warren boot', what: 'Start what should run' },
    { command: 'warren boot --install', what: 'Do so at every boot' },
  ],
  run: async (context, { options: flags }) => {
    if (flags.unitDir !== undefined && !flags.install)
      throw usageError('--unit-dir needs --install');
    if (flags.printUnit) {
      context.output.raw(bootUnit(ownCommand()));
      return undefined;
    }
    if (flags.install) {
      install(context, flags.unitDir ?? unitDirectory);
      return undefined;
    }
    const results = await callBatch(context, (engine, batch) => engine.system.boot(batch));
    return printBatch(context, results, { line: ({ name }) => name });
  },
});

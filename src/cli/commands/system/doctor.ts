import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DoctorCheck, Leak } from '../../../engine/contract.js';
import { engineOptionsOf, type CommandContext } from '../../context.js';
import { exitCodes } from '../../exit-code.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, flag, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import type { Style } from '../../render/colour.js';
import { printable } from '../../render/printable.js';
import { tableLines } from '../../render/table.js';

const marks: Readonly<Record<DoctorCheck['status'], readonly [string, Style]>> = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  missing: ['missing', 'red'],
};

function printChecks({ output }: CommandContext, checks: readonly DoctorCheck[]): void {
  if (output.json) {
    output.lines(checks.map((check) => JSON.stringify(check)));
    return;
  }
  const rows = checks.map(({ name, status, found, hint }) => {
    const [word, style] = marks[status];
    return [output.paint(style, word), name, printable(found), status === 'ok' ? '' : hint];
  });
  output.lines(tableLines(rows).map((line) => line.trimEnd()));
}

function printLeaks({ output }: CommandContext, leaks: readonly Leak[]): void {
  if (output.json) {
    output.lines(leaks.map((leak) => JSON.stringify(leak)));
    return;
  }
  if (leaks.length === 0) {
    output.line('No leaks');
    return;
  }
  const rows = leaks.map(({ kind, object, why, fixed }) => [
    kind,
    printable(object),
    printable(why),
    fixed ? 'removed' : '',
  ]);
  output.lines(tableLines([['KIND', 'OBJECT', 'WHY', ''], ...rows]).map((line) => line.trimEnd()));
}

async function findLeaks(context: CommandContext, fix: boolean): Promise<number> {
  const engine = await context.engine();
  const { densityLeaks, workspacePaths } = await import('../../../density/workspace.js');
  const benchmark = workspacePaths(engineOptionsOf(context.globals));
  const leaks = [
    ...(await engine.system.leaks({ fix })),
    ...(await densityLeaks(benchmark, { fix })),
  ];
  printLeaks(context, leaks);
  return leaks.every(({ fixed }) => fixed) ? exitCodes.ok : exitCodes.failure;
}

/** What this host can still hold, limit by limit. */
async function printForecast({ output, globals }: CommandContext): Promise<void> {
  const [{ forecast, forecastLine }, { workspacePaths }] = await Promise.all([
    import('../../../density/host/forecast.js'),
    import('../../../density/workspace.js'),
  ]);
  const { userDataRoot } = workspacePaths(engineOptionsOf(globals));
  const result = forecast({ dataRoot: existingAbove(userDataRoot) });
  if (output.json) {
    output.object(result);
    return;
  }
  const rows = result.walls.map(({ name, fits, always, detail, sysctl }) => [
    name,
    fits.toLocaleString('en-US'),
    always ? 'every container' : 'only where it is used',
    sysctl === null ? '' : 'warren density --tune raises it',
    detail,
  ]);
  output.line(forecastLine(result));
  output.lines(tableLines([['LIMIT', 'FITS', 'MET BY', '', 'WHY'], ...rows]));
}

function existingAbove(path: string): string {
  return existsSync(path) ? path : existingAbove(dirname(path));
}

async function writeBundle(context: CommandContext, path: string): Promise<void> {
  const { collectBundle } = await import('./bundle.js');
  await collectBundle(await context.engine(), path);
  context.output.note(
    `Wrote ${path}. Environment variables, labels and commands of containers are not in it.`,
  );
}

export const command: CommandDefinition = defineCommand({
  description:
    'Checks what the kernel and this machine offer, and says how to get what is missing. With --leaks it looks for objects that no record explains: cgroups, directories, processes, id ranges, links, elements of nftables.',
  arguments: [],
  options: {
    leaks: flag('--leaks', 'Look for objects that nothing explains'),
    fix: flag('--fix', 'Remove them'),
    tune: flag('--tune', 'Let packets of containers pass the host’s firewall, until keeper stop'),
    forecast: flag('--forecast', 'How many more containers fit, and which limit comes first'),
    bundle: value('--bundle <file>', 'Collect what a report of a fault needs in a file', {
      parse: asText,
      complete: 'file',
    }),
  },
  exitCodes: [
    '0  nothing is missing, no leaks are left',
    '1  something is missing, or leaks are left',
  ],
  examples: [
    { command: 'warren doctor', what: 'Is this machine fit?' },
    { command: 'warren doctor --tune', what: 'Let containers out through a firewall that drops' },
    { command: 'warren doctor --forecast', what: 'How many containers does it still hold?' },
    { command: 'warren doctor --leaks --fix', what: 'Clean up after a crash' },
  ],
  run: async (context, { options: flags }) => {
    if (flags.fix && !flags.leaks) throw usageError('--fix needs --leaks');
    if (flags.bundle !== undefined) return writeBundle(context, flags.bundle);
    if (flags.forecast) return printForecast(context);
    if (flags.leaks) return findLeaks(context, flags.fix);
    const engine = await context.engine();
    if (flags.tune) {
      for (const chain of await engine.system.tune())
        context.output.note(`Added a rule for containers to chain ${chain}`);
    }
    const checks = await engine.system.doctor();
    printChecks(context, checks);
    return checks.some(({ status }) => status === 'missing') ? exitCodes.failure : exitCodes.ok;
  },
});

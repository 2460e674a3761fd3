import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errnoOf, WarrenError } from '../../../base/errors.js';
import { forecastLine, type Forecast } from '../../../density/host/forecast.js';
import type { DensityReport } from '../../../density/report/document.js';
import { markdownOf } from '../../../density/report/markdown.js';
import { summaryOf, tablesOf } from '../../../density/report/rows.js';
import { runDensity } from '../../../density/run.js';
import type { Scenario } from '../../../density/scenario.js';
import { engineOptionsOf, type CommandContext } from '../../context.js';
import { exitCodes } from '../../exit-code.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { reportTableLines } from '../../render/report-table.js';
import { densityOptions, scenarioOf, type DensityFlags } from './scenario-flags.js';

const standardOutput = '-';

/** Before minutes of measuring: can the results be written at all? */
function checkWritable(path: string | undefined): void {
  if (path === undefined || path === standardOutput) return;
  const directory = dirname(resolve(path));
  try {
    accessSync(directory, constants.W_OK);
  } catch (error) {
    throw new WarrenError(
      'invalidArgument',
      'NOT_WRITABLE',
      `Cannot write ${path}: ${directory}: ${errnoOf(error) ?? 'not writable'}`,
      { cause: error },
    );
  }
}

function writeResult({ output }: CommandContext, path: string | undefined, text: string): void {
  if (path === undefined) return;
  if (path === standardOutput) output.raw(text);
  else writeFileSync(path, text);
}

async function writeResults(
  context: CommandContext,
  flags: DensityFlags,
  report: DensityReport,
): Promise<void> {
  writeResult(context, flags.json, `${JSON.stringify(report)}\n`);
  if (flags.markdown !== undefined) writeResult(context, flags.markdown, markdownOf(report));
  if (flags.report !== undefined) {
    const { pageOf } = await import('../../../density/report/page.js');
    writeResult(context, flags.report, pageOf(report));
  }
  for (const path of [flags.json, flags.markdown, flags.report]) {
    if (path !== undefined && path !== standardOutput) context.output.note(`Wrote ${path}`);
  }
}

/** Tables go to stdout unless a file is written there. */
function printReport({ output }: CommandContext, flags: DensityFlags, report: DensityReport): void {
  const machineReads = [flags.json, flags.markdown, flags.report].includes(standardOutput);
  const { failures, cautions, tuned } = report;
  if (!machineReads) {
    output.line(output.paint('bold', summaryOf(report)));
    output.line('');
    output.lines(tablesOf(report).flatMap((table) => reportTableLines(table, output.paint)));
  }
  for (const { name, before, during } of tuned) {
    output.note(`${name} was ${during} for this run, and is ${before} again`);
  }
  for (const caution of cautions)
    output.note(`${output.paintError('yellow', 'caution')}: ${caution}`);
  for (const failure of failures) output.note(`${output.paintError('red', 'failed')}: ${failure}`);
}

function tellForecast(
  { output }: CommandContext,
  { count }: Scenario,
): (forecast: Forecast) => void {
  return (forecast) => {
    output.note(forecastLine(forecast));
    const near = forecast.walls.filter(({ always, fits }) => always && fits < count);
    for (const { name, fits, sysctl } of near) {
      const way = sysctl === null ? '' : `; --tune raises ${sysctl}`;
      output.note(
        `${name} is in the way of ${count.toLocaleString('en-US')}: it fits ${fits.toLocaleString('en-US')}${way}`,
      );
    }
  };
}

export const command: CommandDefinition = defineCommand({
  description:
    'Launches thousands of containers in an engine of its own, proves that each one is real, measures what it costs, ends them all and proves that nothing is left. Other systems can be measured side by side. What each figure means: docs/density.md. Reports are compared with `warren density compare`.',
  arguments: [],
  options: densityOptions,
  exitCodes: [
    '0  all containers were launched, proved real, and left nothing',
    '1  some were not, or something is left',
  ],
  examples: [
    {
      command: 'warren density --count 1000 --report density.html',
      what: 'A thousand, and a page to look at',
    },
    {
      command: 'warren density --count 10000 --tune --json before.json',
      what: 'Ten thousand, for comparing later',
    },
    {
      command: 'warren density --count 500 --workload http --churn 20',
      what: 'Service while containers come and go',
    },
    { command: 'warren density --count 200 --peers all', what: 'Everyone side by side' },
  ],
  run: async (context, { options: flags }) => {
    const scenario = scenarioOf(flags);
    for (const path of [flags.json, flags.markdown, flags.report]) checkWritable(path);
    const report = await context.withProgress((progress) =>
      runDensity(scenario, {
        engine: engineOptionsOf(context.globals),
        signal: context.signal,
        onProgress: progress.report,
        onForecast: tellForecast(context, scenario),
      }),
    );
    printReport(context, flags, report);
    await writeResults(context, flags, report);
    if (scenario.keep) {
      context.output.note(
        'The containers run on. `warren doctor --leaks --fix`, or the next density run, removes them.',
      );
    }
    return report.failures.length === 0 ? exitCodes.ok : exitCodes.failure;
  },
});

import { setTimeout as delay } from 'node:timers/promises';
import { totalmem } from 'node:os';
import type { EngineApi } from '../../../engine/contract.js';
import type { ContainerStats } from '../../../model/stats.js';
import type { CommandContext } from '../../context.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { formatList, type ListView } from '../../render/format.js';
import { printable } from '../../render/printable.js';
import { statsView, type StatsSample } from '../../views/stats-row.js';
import { formatOption, noTruncOption, printList } from '../formatted.js';

/** Between two readings; CPU use is the difference between them. */
const intervalMs = 1000;

type Readings = ReadonlyMap<string, ContainerStats>;

interface StatsScreen {
  readonly names: readonly string[];
  readonly view: ListView<StatsSample>;
  readonly format: string | undefined;
}

async function read(engine: EngineApi, names: readonly string[]): Promise<Readings> {
  const stats =
    names.length === 0 ? await engine.containers.stats() : await engine.containers.stats(names);
  return new Map(stats.map((item) => [item.id, item]));
}

function samples(previous: Readings, current: Readings): StatsSample[] {
  return [...current.values()].map((item) => ({ previous: previous.get(item.id), current: item }));
}

/** Resolves false when the user ends the program meanwhile. */
async function nextReading(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(intervalMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

async function printOnce(
  context: CommandContext,
  { names, view, format }: StatsScreen,
): Promise<void> {
  const engine = await context.engine();
  const first = await read(engine, names);
  if (!(await nextReading(context.signal))) return;
  printList(context.output, view, { items: samples(first, await read(engine, names)), format });
}

/** The screen from its top, each line cleared to its end, and what was below it. */
function redraw(context: CommandContext, lines: readonly string[]): void {
  const { columns, rows } = context.output.size;
  const shown = lines
    .slice(0, rows - 1)
    .map((line) => `${printable(line).slice(0, columns)}\u001b[K\n`);
  context.output.raw(`\u001b[H${shown.join('')}\u001b[J`);
}

async function follow(
  context: CommandContext,
  { names, view, format }: StatsScreen,
): Promise<void> {
  const { output, signal } = context;
  const engine = await context.engine();
  const isScreen = output.isTerminal && !output.json && format !== 'json';
  if (isScreen) output.raw('\u001b[2J');
  let previous: Readings = new Map();
  do {
    const current = await read(engine, names);
    const items = samples(previous, current);
    if (isScreen) redraw(context, formatList(view, items, format));
    else printList(output, view, { items, format });
    previous = current;
  } while (await nextReading(signal));
}

export const command: CommandDefinition = defineCommand({
  description:
    'Shows CPU, memory, I/O and processes of running containers, once a second. On a terminal the screen is redrawn.',
  arguments: [argumentList('CONTAINER', { required: false, complete: 'container' })],
  options: {
    noStream: flag('--no-stream', 'One reading (over a second) only'),
    format: formatOption,
    noTrunc: noTruncOption,
    all: flag('-a, --all', 'Accepted for docker; containers that do not run use nothing'),
  },
  examples: [
    { command: 'warren stats', what: 'Watch all running containers' },
    {
      command: "warren stats --no-stream --format '{{.Name}} {{.MemUsage}}'",
      what: 'Memory of each, once',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const view = statsView({ hostMemoryBytes: totalmem(), truncate: !flags.noTrunc });
    const screen: StatsScreen = { names: args, view, format: flags.format };
    await (flags.noStream ? printOnce(context, screen) : follow(context, screen));
  },
});

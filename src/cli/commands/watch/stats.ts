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

interface Wanted {
  /** Empty: all. */
  readonly names: readonly string[];
  /** Those that do not run, too. */
  readonly all: boolean;
}

interface StatsScreen extends Wanted {
  readonly view: ListView<StatsSample>;
  readonly format: string | undefined;
}

async function read(engine: EngineApi, { names, all }: Wanted): Promise<Readings> {
  const stats =
    names.length === 0 ? await engine.containers.stats() : await engine.containers.stats(names);
  const readings = new Map(stats.map((item) => [item.id, item]));
  if (!all && names.length === 0) return readings;
  for (const { id, name } of await wantedContainers(engine, names))
    if (!readings.has(id)) readings.set(id, nothingUsed({ id, name }));
  return readings;
}

async function wantedContainers(
  engine: EngineApi,
  names: readonly string[],
): Promise<readonly Pick<ContainerStats, 'id' | 'name'>[]> {
  if (names.length > 0) return Promise.all(names.map(async (name) => engine.get(name)));
  return (await engine.containers.list({ all: true })).map(({ record }) => record);
}

/** Of a container that does not run. */
function nothingUsed(container: Pick<ContainerStats, 'id' | 'name'>): ContainerStats {
  const none = { usageUs: 0, userUs: 0, systemUs: 0 };
  const bytes = {
    usageBytes: 0,
    maxUsageBytes: null,
    limitBytes: null,
    cacheBytes: 0,
    rssBytes: 0,
  };
  return {
    ...container,
    readAtMs: Date.now(),
    cpu: { ...none, periods: 0, throttledPeriods: 0, throttledUs: 0 },
    memory: { ...bytes, swapBytes: null, failCount: 0, oomKills: 0 },
    pids: { current: 0, limit: null },
    io: [],
    networks: {},
    pressure: { cpu: null, memory: null, io: null },
  };
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
  { view, format, ...wanted }: StatsScreen,
): Promise<void> {
  const engine = await context.engine();
  const first = await read(engine, wanted);
  if (!(await nextReading(context.signal))) return;
  printList(context.output, view, { items: samples(first, await read(engine, wanted)), format });
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
  { view, format, ...wanted }: StatsScreen,
): Promise<void> {
  const { output, signal } = context;
  const engine = await context.engine();
  const isScreen = output.isTerminal && !output.json && format !== 'json';
  if (isScreen) output.raw('\u001b[2J');
  let previous: Readings = new Map();
  do {
    const current = await read(engine, wanted);
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
    all: flag('-a, --all', 'Those that do not run, too'),
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
    const screen: StatsScreen = { names: args, all: flags.all, view, format: flags.format };
    await (flags.noStream ? printOnce(context, screen) : follow(context, screen));
  },
});

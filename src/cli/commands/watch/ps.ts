import { isWarrenError } from '../../../base/errors.js';
import { mapBounded } from '../../../base/limit.js';
import type { ContainerFilter, ContainerSummary, EngineApi } from '../../../engine/contract.js';
import { integer } from '../../parse/value/number.js';
import { collectFilters, parseFilter } from '../../parse/policy.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag, list, value } from '../../program/option.js';
import { containerView, type ContainerSize } from '../../views/container-row.js';
import { formatOption, noTruncOption, printList } from '../formatted.js';

const sizesAtOnce = 16;

const options = {
  all: flag('-a, --all', 'Stopped ones too'),
  filter: list(
    '-f, --filter <filter>',
    'Only those that match: id=, name=, label=, status=, ancestor=, health=, exited=, volume=, network=, publish=PORT, expose=PORT, before=, since=',
    { parse: parseFilter },
  ),
  format: formatOption,
  last: value('-n, --last <number>', 'The newest ones, stopped ones too', {
    parse: integer({ min: 1, example: '5' }),
  }),
  latest: flag('-l, --latest', 'The newest one'),
  noTrunc: noTruncOption,
  quiet: flag('-q, --quiet', 'Only ids'),
  size: flag('-s, --size', 'Sizes of their files too'),
};

/** The default table has no column for them. */
function showsNetworks(format: string | undefined): boolean {
  return format === 'json' || (format?.includes('.Networks') ?? false);
}

async function networkNames(engine: EngineApi): Promise<ReadonlyMap<string, string>> {
  return new Map((await engine.networks.list()).map(({ id, name }) => [id, name]));
}

type SizeOf = readonly [string, ContainerSize];

/** Sizes by id; a container that goes meanwhile has none. */
async function sizesOf(
  engine: EngineApi,
  containers: readonly ContainerSummary[],
): Promise<ReadonlyMap<string, ContainerSize>> {
  const sizes = await mapBounded(containers, sizesAtOnce, async ({ record }): Promise<SizeOf[]> => {
    try {
      const container = await engine.get(record.id);
      const { sizeBytes, image } = await container.inspect({ size: true });
      return [[record.id, { writableBytes: sizeBytes ?? 0, imageBytes: image?.sizeBytes ?? 0 }]];
    } catch (error) {
      if (isWarrenError(error, 'notFound')) return [];
      throw error;
    }
  });
  return new Map(sizes.flat());
}

export const command: CommandDefinition = defineCommand({
  description: 'Lists containers: those that run, or all with -a.',
  arguments: [],
  options,
  examples: [
    { command: 'warren ps -a', what: 'List all containers' },
    { command: 'warren ps -q --filter label=project=web', what: 'Ids of those with a label' },
    { command: "warren ps --format 'table {{.Names}}\\t{{.Status}}'", what: 'Choose columns' },
  ],
  run: async (context, { options: flags }) => {
    const limit = flags.latest ? 1 : flags.last;
    const filter: ContainerFilter = {
      all: flags.all || limit !== undefined,
      filters: collectFilters(flags.filter),
      ...(limit === undefined ? {} : { limit }),
    };
    const engine = await context.engine();
    const items = await engine.containers.list(filter);
    const view = containerView({
      nowMs: Date.now(),
      truncate: !flags.noTrunc,
      ...(showsNetworks(flags.format ?? (context.output.json ? 'json' : undefined))
        ? { networks: await networkNames(engine) }
        : {}),
      ...(flags.size ? { sizes: await sizesOf(engine, items) } : {}),
    });
    if (flags.quiet) printList(context.output, view, { items, format: flags.format ?? '{{.ID}}' });
    else printList(context.output, view, { items, format: flags.format });
  },
});

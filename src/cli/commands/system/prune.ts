import { formatSize } from '../../../base/units.js';
import type { EngineApi } from '../../../engine/contract.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { confirm, forceOption } from '../confirm.js';

interface Wishes {
  readonly all: boolean;
  readonly volumes: boolean;
}

interface Pruned {
  readonly what: string;
  readonly deleted: readonly string[];
  readonly reclaimedBytes: number;
}

export const command: CommandDefinition = defineCommand({
  description:
    'Removes what nothing uses: stopped containers, networks without containers, images without a name, and the build cache. With -a also images with a name, with --volumes also anonymous volumes.',
  arguments: [],
  options: {
    all: flag('-a, --all', 'Also images with a name that no container uses'),
    volumes: flag('--volumes', 'Also anonymous volumes that no container uses'),
    force: forceOption,
  },
  examples: [
    { command: 'warren system prune', what: 'Free space, after a question' },
    { command: 'warren system prune -af --volumes', what: 'All that nothing uses, without one' },
  ],
  run: async (context, { options: { all, volumes, force } }) => {
    const { output } = context;
    if (!force && !(await confirm(context, warningOf({ all, volumes })))) return;
    const engine = await context.engine();
    const pruned = await context.withProgress(() => pruneAll(engine, { all, volumes }));
    const reclaimedBytes = pruned.reduce((sum, each) => sum + each.reclaimedBytes, 0);
    if (output.json) {
      const deleted = Object.fromEntries(pruned.map((each) => [each.what, each.deleted]));
      output.object({ deleted, reclaimedBytes });
      return;
    }
    for (const { what, deleted } of pruned) {
      if (deleted.length > 0) output.lines([`Deleted ${what}:`, ...deleted, '']);
    }
    output.line(`Total reclaimed space: ${formatSize(reclaimedBytes)}`);
  },
});

function warningOf({ all, volumes }: Wishes): string {
  const images = all ? 'all images that no container uses' : 'all image data without a name';
  const parts = [
    'all stopped containers',
    'all networks that no container is connected to',
    ...(volumes ? ['anonymous volumes that no container uses'] : []),
    images,
  ];
  return `This removes ${parts.join(', ')} and the build cache.`;
}

/** Containers first: they hold the rest. */
async function pruneAll(engine: EngineApi, { all, volumes }: Wishes): Promise<readonly Pruned[]> {
  const containers = await engine.containers.prune();
  const networks = await engine.networks.prune();
  const unused = volumes ? await engine.volumes.prune() : { deleted: [], reclaimedBytes: 0 };
  const builds = await engine.images.pruneBuilds();
  const images = await engine.images.prune({ all });
  return [
    { what: 'containers', ...containers },
    { what: 'networks', deleted: networks, reclaimedBytes: 0 },
    { what: 'volumes', ...unused },
    { what: 'steps', ...builds },
    { what: 'images', ...images },
  ];
}

import { isWarrenError } from '../../../base/errors.js';
import { mapBounded } from '../../../base/limit.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { printable } from '../../render/printable.js';
import { limitsTable, type ContainerLimits } from '../../views/limits-table.js';

const readAtOnce = 16;

export const command: CommandDefinition = defineCommand({
  description:
    'Shows for every resource of containers what is held now, the most that ever was, the limit, and how often it was hit. Without arguments: of all that run. Times hit above zero stand out: that is why a program failed.',
  arguments: [argumentList('CONTAINER', { required: false, complete: 'container' })],
  options: {
    raw: flag('--raw', 'Plain numbers: bytes and microseconds'),
  },
  examples: [
    { command: 'warren limits web', what: 'Which limit stops a container?' },
    { command: 'warren limits --json', what: 'All containers, one object a line' },
  ],
  run: async (context, { args, options: flags }) => {
    const { output } = context;
    const engine = await context.engine();
    const names =
      args.length > 0 ? args : (await engine.containers.list()).map(({ record }) => record.id);
    const read = async (name: string): Promise<ContainerLimits[]> => {
      try {
        const container = await engine.get(name);
        return [{ id: container.id, name: container.name, accounts: await container.limits() }];
      } catch (error) {
        // Of those that nobody named, some may end meanwhile.
        if (args.length === 0 && isWarrenError(error, 'notFound')) return [];
        throw error;
      }
    };
    const containers = (await mapBounded(names, readAtOnce, read)).flat();
    if (output.json) output.lines(containers.map((container) => JSON.stringify(container)));
    else
      output.lines(
        limitsTable(containers, {
          raw: flags.raw,
          paint: (line) => output.paint('yellow', printable(line)),
        }),
      );
  },
});

import {
  argument,
  argumentList,
  defineCommand,
  type CommandDefinition,
} from '../../program/definition.js';
import { usageError } from '../../program/usage-error.js';
import { printable } from '../../render/printable.js';
import { tableLines } from '../../render/table.js';

/** Columns of `-o pid,cmd`, `-opid` or `-eo pid,cmd`; undefined without such a list. */
function columnsOf(words: readonly string[]): readonly string[] | undefined {
  const index = words.findIndex((word) => /^-[a-zA-Z]*o/.test(word));
  if (index < 0) return undefined;
  const attached = (words[index] ?? '').replace(/^-[a-zA-Z]*?o/, '');
  const list = attached === '' ? words[index + 1] : attached;
  if (list === undefined)
    throw usageError('-o needs a list of columns', 'Example: warren top web -o pid,user,comm');
  return list.split(',');
}

export const command: CommandDefinition = defineCommand({
  description:
    'Lists the processes of a container as the host sees them. Columns are chosen as with ps: -o pid,user,comm.',
  arguments: [argument('CONTAINER', 'container'), argumentList('PS_OPTION', { required: false })],
  passThrough: true,
  options: {},
  examples: [
    { command: 'warren top web', what: 'All processes' },
    { command: 'warren top web -o pid,comm', what: 'Only two columns' },
  ],
  run: async (context, { args }) => {
    const [reference = '', ...words] = args;
    const engine = await context.engine();
    const container = await engine.get(reference);
    const columns = columnsOf(words);
    const table = await container.top(columns === undefined ? {} : { columns });
    if (context.output.json) context.output.object({ Titles: table.titles, Processes: table.rows });
    else context.output.lines(tableLines([table.titles, ...table.rows]).map(printable));
  },
});

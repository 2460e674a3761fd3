import type { LogEntry } from '../../../logs/reader.js';
import { defined } from '../../config/defined.js';
import { integer } from '../../parse/value/number.js';
import { parseTime } from '../../parse/value/time.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag, value } from '../../program/option.js';

const options = {
  follow: flag('-f, --follow', 'Go on with what is written from now on'),
  since: value(
    '--since <time>',
    'From this time on: RFC 3339, seconds, or 10m for ten minutes ago',
    { parse: parseTime },
  ),
  until: value('--until <time>', 'Up to this time', { parse: parseTime }),
  tail: value('-n, --tail <number>', 'Only so many lines at the end, or all', {
    parse: (text) => (text === 'all' ? -1 : integer({ min: -1, example: '100' })(text)),
    defaultText: 'all',
  }),
  timestamps: flag('-t, --timestamps', 'Show the time of each line'),
  details: flag('--details', 'Accepted for docker: lines have no more than time and text'),
};

/** Waits until the stream takes more: the log of a container may be longer than memory. */
async function writeAll(stream: NodeJS.WriteStream, data: Uint8Array): Promise<void> {
  if (stream.write(data) || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle);
      resolve();
    };
    stream.on('drain', settle).on('close', settle);
  });
}

/** A line as it was written; only a full line has its newline, and only its beginning gets the time. */
function bytesOf(entry: LogEntry, withTime: boolean): Uint8Array {
  const parts = [entry.text];
  if (withTime) parts.unshift(Buffer.from(`${entry.time} `));
  if (!entry.partial) parts.push(Buffer.from('\n'));
  return Buffer.concat(parts);
}

export const command: CommandDefinition = defineCommand({
  description: 'Shows what a container has written, stdout on stdout and stderr on stderr.',
  arguments: [argument('CONTAINER', 'container')],
  options,
  examples: [
    { command: 'warren logs -f --tail 20 web', what: 'The last lines, and what follows' },
    { command: 'warren logs --since 10m -t web', what: 'The last ten minutes, with times' },
  ],
  run: async (context, { args, options: flags }) => {
    const { output, signal } = context;
    const engine = await context.engine();
    const container = await engine.get(args[0] ?? '');
    const tail = flags.tail === -1 ? undefined : flags.tail;
    const entries = container.logs({
      follow: flags.follow,
      signal,
      ...defined({ sinceMs: flags.since, untilMs: flags.until, tail }),
    });
    const continues = { stdout: false, stderr: false };
    for await (const entry of entries) {
      if (output.json) {
        output.object({
          time: entry.time,
          stream: entry.stream,
          text: entry.text.toString(),
          partial: entry.partial,
        });
        continue;
      }
      const stream = entry.stream === 'stdout' ? process.stdout : process.stderr;
      await writeAll(stream, bytesOf(entry, flags.timestamps && !continues[entry.stream]));
      continues[entry.stream] = entry.partial;
    }
  },
});

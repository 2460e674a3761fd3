import { LinkedAbort } from '../../../base/abort.js';
import { eventDocument } from '../../../api/shape/event.js';
import { defined } from '../../config/defined.js';
import { collectFilters, parseFilter } from '../../parse/policy.js';
import { parsePositiveDuration } from '../../parse/value/duration.js';
import { parseTime } from '../../parse/value/time.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, list, value } from '../../program/option.js';
import { formatDocument } from '../../render/format.js';
import { printable } from '../../render/printable.js';
import { eventLine } from '../../views/event-line.js';
import { withMapFields } from '../../views/map-fields.js';

const options = {
  filter: list(
    '-f, --filter <filter>',
    'Only those that match: type=, event=, container=, image=, volume=, network=, label=',
    { parse: parseFilter },
  ),
  format: value('--format <format>', 'json or a Go template', {
    parse: asText,
    complete: ['json'],
  }),
  since: value(
    '--since <time>',
    'Also what happened from this time on: RFC 3339, seconds, or 10m for ten minutes ago',
    { parse: parseTime },
  ),
  until: value('--until <time>', 'End at this time; what was before it is shown', {
    parse: parseTime,
    defaultText: 'never',
  }),
  for: value('--for <duration>', 'End after this time', {
    parse: parsePositiveDuration,
    defaultText: 'never',
  }),
};

export const command: CommandDefinition = defineCommand({
  description:
    'Shows what happens to containers, images and volumes, as it happens, until it is interrupted; with --since, also what happened.',
  arguments: [],
  options,
  examples: [
    {
      command: 'warren events --filter type=container --filter event=die',
      what: 'See containers end',
    },
    { command: 'warren events --since 10m --until 0s', what: 'The last ten minutes, and no more' },
    { command: 'warren events --format json --for 1m', what: 'One minute, as JSON' },
  ],
  run: async (context, { options: flags }) => {
    const { output } = context;
    const engine = await context.engine();
    const limit = flags.for === undefined ? undefined : AbortSignal.timeout(flags.for);
    using either = new LinkedAbort(context.signal, limit);
    const { signal } = either;
    const format = flags.format ?? (output.json ? 'json' : undefined);
    try {
      const onReady = (): void => {
        output.note('Showing events from now on');
      };
      const range = defined({ sinceMs: flags.since, untilMs: flags.until });
      const filters = collectFilters(flags.filter);
      for await (const event of engine.events({ signal, filters, onReady, ...range })) {
        if (format === undefined) output.line(printable(eventLine(event)));
        else output.line(formatDocument(withMapFields(eventDocument(event)), format));
      }
    } catch (error) {
      // The time that was asked for is over: that is a success.
      if (!signal.aborted || context.signal.aborted) throw error;
    }
  },
});

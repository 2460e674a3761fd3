import { parseDuration, parsePositiveDuration } from '../parse/value/duration.js';
import { integer } from '../parse/value/number.js';
import { asText, flag, value, type TableFor } from '../program/option.js';

/** The health check. */
export interface HealthFlags {
  readonly healthCmd: string | undefined;
  readonly healthInterval: number | undefined;
  readonly healthTimeout: number | undefined;
  readonly healthRetries: number | undefined;
  readonly healthStartPeriod: number | undefined;
  readonly healthStartInterval: number | undefined;
  readonly noHealthcheck: boolean;
}

const group = 'Health';

export const healthOptions: TableFor<HealthFlags> = {
  healthCmd: value('--health-cmd <command>', 'Command whose exit code 0 means healthy', {
    group,
    parse: asText,
  }),
  healthInterval: value('--health-interval <duration>', 'Time between two checks', {
    group,
    parse: parsePositiveDuration,
    defaultText: '30s',
  }),
  healthTimeout: value('--health-timeout <duration>', 'A check that takes longer has failed', {
    group,
    parse: parsePositiveDuration,
    defaultText: '30s',
  }),
  healthRetries: value('--health-retries <number>', 'Failures in a row that mean unhealthy', {
    group,
    parse: integer({ min: 1, example: '3' }),
    defaultText: '3',
  }),
  healthStartPeriod: value(
    '--health-start-period <duration>',
    'Failures do not count in this first time',
    { group, parse: parseDuration, defaultText: '0s' },
  ),
  healthStartInterval: value(
    '--health-start-interval <duration>',
    'Time between checks in the start period',
    { group, parse: parsePositiveDuration, defaultText: '5s' },
  ),
  noHealthcheck: flag('--no-healthcheck', 'Switch off the check of the image', { group }),
};

import { defaultReserveBytes } from '../../../density/host/forecast.js';
import { peerNames } from '../../../density/peers/names.js';
import {
  workloadImages,
  type Arrival,
  type PeerChoice,
  type Scenario,
  type Workload,
} from '../../../density/scenario.js';
import type { NetworkMode } from '../../../model/container-config.js';
import { BadValue } from '../../parse/value/bad-value.js';
import { choice } from '../../parse/value/choice.js';
import { parsePositiveDuration } from '../../parse/value/duration.js';
import { integer, parseCpus } from '../../parse/value/number.js';
import { parseSize } from '../../parse/value/size.js';
import { asText, flag, value, type OptionTable, type TableFor } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';

const mebibyte = 2 ** 20;
const most = 1_000_000;

/** `30` or `30s`: the SECONDS, and what other durations look like. */
function parseSeconds(text: string): number {
  return parsePositiveDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
}

function parseRate(text: string): number {
  const rate = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(rate > 0))
    throw new BadValue('it must be a number of launches per second above zero', '200');
  return rate;
}

/** `crun,runc:equal`, or `all`. */
function parsePeers(text: string): PeerList {
  const names = text === 'all' ? peerNames : text.split(',').filter((part) => part !== '');
  const choices = names.map((part): PeerChoice => {
    const [name = '', variant] = part.split(':');
    const known = (peerNames as readonly string[]).includes(name);
    if (known && (variant === undefined || variant === 'default' || variant === 'equal')) {
      return { name, variant: variant ?? null };
    }
    throw new BadValue(
      `a peer is one of ${peerNames.join(', ')}, with :default or :equal behind it`,
      'crun,runc:equal',
    );
  });
  return { choices };
}

const population = 'Containers';
const load = 'Load';
const method = 'Method';
const result = 'Result';

/** Undefined: not given. */
export interface DensityFlags {
  readonly count: number | undefined;
  readonly image: string | undefined;
  readonly workload: Workload | undefined;
  readonly memory: number | undefined;
  readonly pidsLimit: number | undefined;
  readonly cpus: number | undefined;
  readonly network: NetworkMode | undefined;
  readonly superblocks: '3' | '5' | undefined;
  readonly rate: number | undefined;
  readonly closedLoop: boolean;
  readonly churn: number | undefined;
  readonly churnRate: number | undefined;
  readonly execs: number | undefined;
  readonly requests: number | undefined;
  readonly peers: PeerList | undefined;
  readonly peerCount: number | undefined;
  readonly repeat: number | undefined;
  readonly control: number | undefined;
  readonly reserve: number | undefined;
  readonly tune: boolean;
  readonly json: string | undefined;
  readonly report: string | undefined;
  readonly markdown: string | undefined;
  readonly keep: boolean;
}

/** One value of one flag. */
interface PeerList {
  readonly choices: readonly PeerChoice[];
}

export const densityOptions: TableFor<DensityFlags> & OptionTable = {
  count: value('--count <number>', 'How many containers are alive at once', {
    group: population,
    parse: integer({ min: 1, max: most, example: '10000' }),
    defaultText: '1000',
  }),
  image: value('--image <image>', 'Image of the containers', {
    group: population,
    parse: asText,
    complete: 'image',
    defaultText: 'tiny; busybox for shell, node for node',
  }),
  workload: value('--workload <name>', 'What they do: pause, http, shell, node', {
    group: population,
    parse: choice('pause', 'http', 'shell', 'node'),
    complete: ['pause', 'http', 'shell', 'node'],
    defaultText: 'pause',
  }),
  memory: value('-m, --memory <size>', 'Memory limit of each', {
    group: population,
    parse: parseSize,
    defaultText: '16m',
  }),
  pidsLimit: value('--pids-limit <number>', 'Most processes and threads of each', {
    group: population,
    parse: integer({ min: 2, example: '16' }),
    defaultText: '16',
  }),
  cpus: value('--cpus <number>', 'CPU time of each, as a number of CPUs', {
    group: population,
    parse: parseCpus,
    defaultText: '0.05',
  }),
  network: value('--network <mode>', 'Network of each, as for run', {
    group: population,
    parse: asText,
    defaultText: 'none',
  }),
  superblocks: value(
    '--superblocks <number>',
    'Own file systems: 5, or 3 without own /dev/pts and /dev/shm',
    {
      group: population,
      parse: choice('3', '5'),
      complete: ['3', '5'],
      defaultText: '5',
    },
  ),
  rate: value('--rate <number>', 'Launches begun each second, whatever the answers do', {
    group: load,
    parse: parseRate,
    defaultText: 'as fast as they go',
  }),
  closedLoop: flag('--closed-loop', 'One launch after the other, each timed from call to answer', {
    group: load,
  }),
  churn: value(
    '--churn <seconds>',
    'Replace containers for so long: constant, then Poisson arrivals',
    {
      group: load,
      parse: parseSeconds,
    },
  ),
  churnRate: value('--churn-rate <number>', 'Replacements begun each second', {
    group: load,
    parse: parseRate,
    defaultText: 'half of what the ramp reached',
  }),
  execs: value('--execs <number>', 'Commands executed at each size, in containers at random', {
    group: load,
    parse: integer({ min: 1, max: most, example: '200' }),
    defaultText: '200',
  }),
  requests: value('--requests <number>', 'HTTP requests at each size (workload http)', {
    group: load,
    parse: integer({ min: 1, max: most, example: '1000' }),
    defaultText: '1000',
  }),
  peers: value(
    '--peers <names>',
    `Measure others beside it: all, or some of ${peerNames.join(', ')}; NAME:default or NAME:equal for one configuration`,
    {
      group: method,
      parse: parsePeers,
      complete: [...peerNames, 'all'],
    },
  ),
  peerCount: value('--peer-count <number>', 'Containers of each of them', {
    group: method,
    parse: integer({ min: 1, max: most, example: '200' }),
    defaultText: 'as --count, at most 200',
  }),
  repeat: value('--repeat <number>', 'Measure everything so often; figures are medians', {
    group: method,
    parse: integer({ min: 1, max: 100, example: '3' }),
    defaultText: '1',
  }),
  control: value('--control <number>', 'Launches of the raw control before and after; 0: none', {
    group: method,
    parse: integer({ min: 0, max: most, example: '1000' }),
    defaultText: 'as --count, at most 2000',
  }),
  reserve: value('--reserve <size>', 'Memory that is left to the host', {
    group: method,
    parse: parseSize,
    defaultText: 'a twentieth, at least 512m',
  }),
  tune: flag('--tune', 'Raise the sysctls that stand in the way, and put them back at the end', {
    group: method,
  }),
  json: value('--json <file>', 'Write the whole report as JSON; - is stdout', {
    group: result,
    parse: asText,
    complete: 'file',
  }),
  report: value('--report <file>', 'Write a page for a browser: one file, no network', {
    group: result,
    parse: asText,
    complete: 'file',
  }),
  markdown: value('--markdown <file>', 'Write the tables as Markdown; - is stdout', {
    group: result,
    parse: asText,
    complete: 'file',
  }),
  keep: flag('--keep', 'Leave the containers running', { group: result }),
};

const largestPeerCount = 200;
const largestControlCount = 2000;

/** The complete scenario. Throws invalidArgument where flags exclude each other. */
export function scenarioOf(flags: DensityFlags): Scenario {
  const { count = 1000, workload = 'pause' } = flags;
  if (flags.rate !== undefined && flags.closedLoop) {
    throw usageError('--rate and --closed-loop exclude each other');
  }
  if (flags.keep && (flags.repeat ?? 1) > 1)
    throw usageError('--keep and --repeat exclude each other');
  return {
    count,
    workload,
    image: flags.image ?? workloadImages[workload],
    memoryBytes: flags.memory ?? 16 * mebibyte,
    pidsLimit: flags.pidsLimit ?? 16,
    cpus: flags.cpus ?? 0.05,
    network: flags.network ?? 'none',
    superblocks: flags.superblocks === '3' ? 3 : 5,
    arrival: arrivalOf(flags),
    churnMs: flags.churn ?? null,
    churnPerSecond: flags.churnRate ?? flags.rate ?? null,
    peers: flags.peers?.choices ?? [],
    peerCount: flags.peerCount ?? Math.min(count, largestPeerCount),
    repeat: flags.repeat ?? 1,
    controlCount: flags.control ?? Math.min(count, largestControlCount),
    execs: flags.execs ?? 200,
    requests: flags.requests ?? 1000,
    reserveBytes: flags.reserve ?? defaultReserveBytes(),
    tune: flags.tune,
    keep: flags.keep,
  };
}

function arrivalOf({ rate, closedLoop }: DensityFlags): Arrival {
  if (rate !== undefined) return { kind: 'open', perSecond: rate };
  return closedLoop ? { kind: 'closed' } : { kind: 'batch' };
}

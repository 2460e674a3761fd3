import type { CommandDefinition } from './definition.js';

export interface CommandEntry {
  /** Words of the command: `['image', 'ls']`. */
  readonly path: readonly string[];
  readonly aliases?: readonly string[];
  /** One clause without a final period: shown in lists of commands. */
  readonly summary: string;
  /** Heading in `warren --help`; undefined: the command is not listed. */
  readonly group?: string;
  readonly load: () => Promise<CommandDefinition>;
}

const using = 'Use containers';
const watching = 'Watch containers';
const managing = 'Manage containers';
const stores = 'Images and volumes';
const system = 'System';

const containerCommands: readonly CommandEntry[] = [
  { path: ['run'], group: using, summary: 'Create and start a container', load: async () => (await import('../commands/run/run.js')).command },
  { path: ['exec'], group: using, summary: 'Run a command in a running container', load: async () => (await import('../commands/run/exec.js')).command },
  { path: ['attach'], group: using, summary: 'Connect to the input and output of a running container', load: async () => (await import('../commands/run/attach.js')).command },
  { path: ['cp'], group: using, summary: 'Copy files between a container and the host', load: async () => (await import('../commands/files/cp.js')).command },
  { path: ['ps'], aliases: ['ls', 'list'], group: watching, summary: 'List containers', load: async () => (await import('../commands/watch/ps.js')).command },
  { path: ['logs'], group: watching, summary: 'Show the output of a container', load: async () => (await import('../commands/watch/logs.js')).command },
  { path: ['inspect'], group: watching, summary: 'Show everything about containers, images and volumes', load: async () => (await import('../commands/watch/inspect.js')).command },
  { path: ['top'], group: watching, summary: 'List the processes of a container', load: async () => (await import('../commands/watch/top.js')).command },
  { path: ['stats'], group: watching, summary: 'Show what containers use, live', load: async () => (await import('../commands/watch/stats.js')).command },
  { path: ['limits'], group: watching, summary: 'Show held, maximum, limit and times hit of every resource', load: async () => (await import('../commands/watch/limits.js')).command },
  { path: ['events'], group: watching, summary: 'Show what happens, as it happens', load: async () => (await import('../commands/watch/events.js')).command },
  { path: ['diff'], group: watching, summary: 'List files that a container added, changed or deleted', load: async () => (await import('../commands/files/diff.js')).command },
  { path: ['create'], group: managing, summary: 'Create a container and do not start it', load: async () => (await import('../commands/run/create.js')).command },
  { path: ['start'], group: managing, summary: 'Start stopped containers', load: async () => (await import('../commands/run/start.js')).command },
  { path: ['stop'], group: managing, summary: 'Stop containers, gracefully at first', load: async () => (await import('../commands/manage/stop.js')).command },
  { path: ['restart'], group: managing, summary: 'Stop and start containers', load: async () => (await import('../commands/manage/restart.js')).command },
  { path: ['kill'], group: managing, summary: 'Send a signal to containers', load: async () => (await import('../commands/manage/kill.js')).command },
  { path: ['pause'], group: managing, summary: 'Freeze all processes of containers', load: async () => (await import('../commands/manage/pause.js')).command },
  { path: ['unpause'], group: managing, summary: 'Let frozen containers go on', load: async () => (await import('../commands/manage/unpause.js')).command },
  { path: ['wait'], group: managing, summary: 'Wait until containers stop, then print their exit codes', load: async () => (await import('../commands/manage/wait.js')).command },
  { path: ['update'], group: managing, summary: 'Change the limits of containers while they run', load: async () => (await import('../commands/manage/update.js')).command },
  { path: ['rename'], group: managing, summary: 'Give a container another name', load: async () => (await import('../commands/manage/rename.js')).command },
  { path: ['rm'], aliases: ['remove'], group: managing, summary: 'Remove containers', load: async () => (await import('../commands/manage/rm.js')).command },
  { path: ['prune'], group: managing, summary: 'Remove all stopped containers', load: async () => (await import('../commands/manage/prune.js')).command },
  { path: ['export'], group: managing, summary: 'Write the file system of a container as a tar archive', load: async () => (await import('../commands/files/export.js')).command },
];

const storeCommands: readonly CommandEntry[] = [
  { path: ['image', 'build-base'], group: stores, summary: 'Build one of the built-in images', load: async () => (await import('../commands/image/build-base.js')).command },
  { path: ['image', 'ls'], aliases: ['list'], group: stores, summary: 'List images', load: async () => (await import('../commands/image/ls.js')).command },
  { path: ['image', 'rm'], aliases: ['remove'], group: stores, summary: 'Remove images', load: async () => (await import('../commands/image/rm.js')).command },
  { path: ['image', 'inspect'], group: stores, summary: 'Show everything about images', load: async () => (await import('../commands/image/inspect.js')).command },
  { path: ['image', 'prune'], group: stores, summary: 'Remove image data that nothing uses', load: async () => (await import('../commands/image/prune.js')).command },
  { path: ['volume', 'create'], group: stores, summary: 'Create a volume', load: async () => (await import('../commands/volume/create.js')).command },
  { path: ['volume', 'ls'], aliases: ['list'], group: stores, summary: 'List volumes', load: async () => (await import('../commands/volume/ls.js')).command },
  { path: ['volume', 'inspect'], group: stores, summary: 'Show everything about volumes', load: async () => (await import('../commands/volume/inspect.js')).command },
  { path: ['volume', 'rm'], aliases: ['remove'], group: stores, summary: 'Remove volumes', load: async () => (await import('../commands/volume/rm.js')).command },
  { path: ['volume', 'prune'], group: stores, summary: 'Remove volumes that no container uses', load: async () => (await import('../commands/volume/prune.js')).command },
];

const systemCommands: readonly CommandEntry[] = [
  { path: ['doctor'], group: system, summary: 'Check what this machine offers, and look for leaks', load: async () => (await import('../commands/system/doctor.js')).command },
  { path: ['info'], group: system, summary: 'Show figures of this engine', load: async () => (await import('../commands/system/info.js')).command },
  { path: ['version'], group: system, summary: 'Show the version', load: async () => (await import('../commands/system/version.js')).command },
  { path: ['completion'], group: system, summary: 'Print completions for a shell', load: async () => (await import('../commands/system/completion.js')).command },
  { path: ['boot'], group: system, summary: 'Apply restart policies after a reboot', load: async () => (await import('../commands/system/boot.js')).command },
  { path: ['keeper', 'status'], group: system, summary: 'Show the keepers of this run dir', load: async () => (await import('../commands/system/keeper-status.js')).command },
  { path: ['keeper', 'stop'], group: system, summary: 'End the keepers of this run dir', load: async () => (await import('../commands/system/keeper-stop.js')).command },
  { path: ['keeper', 'upgrade'], group: system, summary: 'Replace running keepers by the installed version', load: async () => (await import('../commands/system/keeper-upgrade.js')).command },
  { path: ['reconcile'], summary: 'Do what the keepers left to the engine', load: async () => (await import('../commands/system/reconcile.js')).command },
  { path: ['demo'], summary: 'Launch a batch of real containers and show what they do', load: async () => (await import('../commands/system/demo.js')).command },
  { path: ['reference'], summary: 'Print the reference of all commands as Markdown', load: async () => (await import('../commands/system/reference.js')).command },
];

/** What the words that only group commands stand for. */
export const groupSummaries: Readonly<Record<string, string>> = {
  image: 'Manage images',
  volume: 'Manage volumes',
  keeper: 'Manage the keepers',
};

/** Every command. Definitions are loaded one by one: listing the commands costs nothing. */
export const registry: readonly CommandEntry[] = [...containerCommands, ...storeCommands, ...systemCommands];

/** The entry for the words at the start of a command line, and how many of them it takes. */
export function findCommand(words: readonly string[]): CommandEntry | undefined {
  const [first = '', second = ''] = words;
  const isNamed = (entry: CommandEntry, name: string): boolean =>
    entry.path.at(-1) === name || (entry.aliases?.includes(name) ?? false);
  return registry.find((entry) =>
    entry.path.length === 1 ? isNamed(entry, first) : entry.path[0] === first && isNamed(entry, second),
  );
}

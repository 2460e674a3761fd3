import type { CommandEntry } from './entry.js';

const system = 'System';

export const systemCommands: readonly CommandEntry[] = [
  {
    path: ['system', 'df'],
    group: system,
    summary: 'Show what takes space',
    load: () => import('../../commands/system/df.js'),
  },
  {
    path: ['system', 'prune'],
    group: system,
    summary: 'Remove what nothing uses',
    load: () => import('../../commands/system/prune.js'),
  },
  {
    path: ['doctor'],
    group: system,
    summary: 'Check what this machine offers, and look for leaks',
    load: () => import('../../commands/system/doctor.js'),
  },
  {
    path: ['info'],
    group: system,
    summary: 'Show figures of this engine',
    load: () => import('../../commands/system/info.js'),
  },
  {
    path: ['version'],
    group: system,
    summary: 'Show the version',
    load: () => import('../../commands/system/version.js'),
  },
  {
    path: ['completion'],
    group: system,
    summary: 'Print completions for a shell',
    load: () => import('../../commands/system/completion.js'),
  },
  {
    path: ['boot'],
    group: system,
    summary: 'Apply restart policies after a reboot',
    load: () => import('../../commands/system/boot.js'),
  },
  {
    path: ['keeper', 'status'],
    group: system,
    summary: 'Show the keepers of this run dir',
    load: () => import('../../commands/keeper/keeper-status.js'),
  },
  {
    path: ['keeper', 'stop'],
    group: system,
    summary: 'End the keepers of this run dir',
    load: () => import('../../commands/keeper/keeper-stop.js'),
  },
  {
    path: ['keeper', 'upgrade'],
    group: system,
    summary: 'Replace running keepers by the installed version',
    load: () => import('../../commands/keeper/keeper-upgrade.js'),
  },
  {
    path: ['reconcile'],
    summary: 'Do what the keepers left to the engine',
    load: () => import('../../commands/system/reconcile.js'),
  },
  {
    path: ['resolver'],
    summary: 'Answer the questions of containers for names',
    load: () => import('../../commands/system/resolver.js'),
  },
  {
    path: ['demo'],
    group: system,
    summary: 'Launch a batch of real containers and show what they do',
    load: () => import('../../commands/system/demo.js'),
  },
  {
    path: ['density', 'compare'],
    group: system,
    summary: 'Compare the reports of two runs',
    load: () => import('../../commands/density/compare.js'),
  },
  {
    path: ['density'],
    group: system,
    summary: 'Launch thousands of containers and measure what each one costs',
    load: () => import('../../commands/density/density.js'),
  },
  {
    path: ['reference'],
    summary: 'Print the reference of all commands as Markdown',
    load: () => import('../../commands/system/reference.js'),
  },
  {
    path: ['__complete'],
    summary: 'Print what may stand at the cursor',
    load: () => import('../../commands/system/complete.js'),
  },
];

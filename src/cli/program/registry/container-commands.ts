import type { CommandEntry } from './entry.js';

const using = 'Use containers';
const watching = 'Watch containers';
const managing = 'Manage containers';

export const containerCommands: readonly CommandEntry[] = [
  {
    path: ['run'],
    group: using,
    summary: 'Create and start a container',
    load: () => import('../../commands/run/run.js'),
  },
  {
    path: ['exec'],
    group: using,
    summary: 'Run a command in a running container',
    load: () => import('../../commands/run/exec.js'),
  },
  {
    path: ['attach'],
    group: using,
    summary: 'Connect to the input and output of a running container',
    load: () => import('../../commands/run/attach.js'),
  },
  {
    path: ['cp'],
    group: using,
    summary: 'Copy files between a container and the host',
    load: () => import('../../commands/files/cp.js'),
  },
  {
    path: ['ps'],
    aliases: ['ls', 'list'],
    group: watching,
    summary: 'List containers',
    load: () => import('../../commands/watch/ps.js'),
  },
  {
    path: ['logs'],
    group: watching,
    summary: 'Show the output of a container',
    load: () => import('../../commands/watch/logs.js'),
  },
  {
    path: ['inspect'],
    group: watching,
    summary: 'Show everything about containers, images and volumes',
    load: () => import('../../commands/watch/inspect.js'),
  },
  {
    path: ['top'],
    group: watching,
    summary: 'List the processes of a container',
    load: () => import('../../commands/watch/top.js'),
  },
  {
    path: ['stats'],
    group: watching,
    summary: 'Show what containers use, live',
    load: () => import('../../commands/watch/stats.js'),
  },
  {
    path: ['limits'],
    group: watching,
    summary: 'Show held, maximum, limit and times hit of every resource',
    load: () => import('../../commands/watch/limits.js'),
  },
  {
    path: ['port', 'add'],
    group: managing,
    summary: 'Publish ports of a container while it runs',
    load: () => import('../../commands/network/port-add.js'),
  },
  {
    path: ['port', 'rm'],
    group: managing,
    summary: 'End the publishing of ports while the container runs',
    load: () => import('../../commands/network/port-rm.js'),
  },
  {
    path: ['port'],
    group: watching,
    summary: 'List the published ports of a container, and change them',
    load: () => import('../../commands/network/port.js'),
  },
  {
    path: ['events'],
    group: watching,
    summary: 'Show what happens, as it happens',
    load: () => import('../../commands/watch/events.js'),
  },
  {
    path: ['diff'],
    group: watching,
    summary: 'List files that a container added, changed or deleted',
    load: () => import('../../commands/files/diff.js'),
  },
  {
    path: ['create'],
    group: managing,
    summary: 'Create a container and do not start it',
    load: () => import('../../commands/run/create.js'),
  },
  {
    path: ['start'],
    group: managing,
    summary: 'Start stopped containers',
    load: () => import('../../commands/run/start.js'),
  },
  {
    path: ['stop'],
    group: managing,
    summary: 'Stop containers, gracefully at first',
    load: () => import('../../commands/manage/stop.js'),
  },
  {
    path: ['restart'],
    group: managing,
    summary: 'Stop and start containers',
    load: () => import('../../commands/manage/restart.js'),
  },
  {
    path: ['kill'],
    group: managing,
    summary: 'Send a signal to containers',
    load: () => import('../../commands/manage/kill.js'),
  },
  {
    path: ['pause'],
    group: managing,
    summary: 'Freeze all processes of containers',
    load: () => import('../../commands/manage/pause.js'),
  },
  {
    path: ['unpause'],
    group: managing,
    summary: 'Let frozen containers go on',
    load: () => import('../../commands/manage/unpause.js'),
  },
  {
    path: ['wait'],
    group: managing,
    summary: 'Wait until containers stop, then print their exit codes',
    load: () => import('../../commands/manage/wait.js'),
  },
  {
    path: ['update'],
    group: managing,
    summary: 'Change the limits of containers while they run',
    load: () => import('../../commands/manage/update.js'),
  },
  {
    path: ['rename'],
    group: managing,
    summary: 'Give a container another name',
    load: () => import('../../commands/manage/rename.js'),
  },
  {
    path: ['rm'],
    aliases: ['remove'],
    group: managing,
    summary: 'Remove containers',
    load: () => import('../../commands/manage/rm.js'),
  },
  {
    path: ['prune'],
    group: managing,
    summary: 'Remove all stopped containers',
    load: () => import('../../commands/manage/prune.js'),
  },
  {
    path: ['export'],
    group: managing,
    summary: 'Write the file system of a container as a tar archive',
    load: () => import('../../commands/files/export.js'),
  },
];

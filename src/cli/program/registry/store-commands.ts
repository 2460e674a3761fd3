import type { CommandEntry } from './entry.js';

const stores = 'Images and volumes';

/** Commands that Docker has both alone and below `image`. */
const imageCommands: readonly (readonly [
  name: string,
  summary: string,
  load: CommandEntry['load'],
])[] = [
  ['pull', 'Bring an image into the store', () => import('../../commands/image/pull.js')],
  ['push', 'Give an image to a registry', () => import('../../commands/image/push.js')],
  ['tag', 'Give an image one more name', () => import('../../commands/image/tag.js')],
  ['history', 'Show how an image was made', () => import('../../commands/image/history.js')],
  ['load', 'Load images from an archive', () => import('../../commands/image/load.js')],
  ['save', 'Write images as an archive', () => import('../../commands/image/save.js')],
  ['import', 'Make an image of a root file system', () => import('../../commands/image/import.js')],
];

export const storeCommands: readonly CommandEntry[] = [
  ...imageCommands.flatMap(([name, summary, load]): CommandEntry[] => [
    { path: [name], group: stores, summary, load },
    { path: ['image', name], group: stores, summary, load },
  ]),
  {
    path: ['images'],
    group: stores,
    summary: 'List images',
    load: () => import('../../commands/image/ls.js'),
  },
  {
    path: ['rmi'],
    group: stores,
    summary: 'Remove images',
    load: () => import('../../commands/image/rm.js'),
  },
  {
    path: ['commit'],
    group: stores,
    summary: 'Make an image of a container',
    load: () => import('../../commands/image/commit.js'),
  },
  {
    path: ['login'],
    group: stores,
    summary: 'Log in to a registry',
    load: () => import('../../commands/registry/login.js'),
  },
  {
    path: ['logout'],
    group: stores,
    summary: 'Forget the login to a registry',
    load: () => import('../../commands/registry/logout.js'),
  },
  {
    path: ['image', 'build-base'],
    group: stores,
    summary: 'Build one of the built-in images',
    load: () => import('../../commands/image/build-base.js'),
  },
  {
    path: ['build'],
    group: stores,
    summary: 'Build an image from a Dockerfile',
    load: () => import('../../commands/build/build.js'),
  },
  {
    path: ['builder', 'prune'],
    group: stores,
    summary: 'Remove the build cache',
    load: () => import('../../commands/build/builder-prune.js'),
  },
  {
    path: ['image', 'ls'],
    aliases: ['list'],
    group: stores,
    summary: 'List images',
    load: () => import('../../commands/image/ls.js'),
  },
  {
    path: ['image', 'rm'],
    aliases: ['remove'],
    group: stores,
    summary: 'Remove images',
    load: () => import('../../commands/image/rm.js'),
  },
  {
    path: ['image', 'inspect'],
    group: stores,
    summary: 'Show everything about images',
    load: () => import('../../commands/image/inspect.js'),
  },
  {
    path: ['image', 'prune'],
    group: stores,
    summary: 'Remove image data that nothing uses',
    load: () => import('../../commands/image/prune.js'),
  },
  {
    path: ['volume', 'create'],
    group: stores,
    summary: 'Create a volume',
    load: () => import('../../commands/volume/create.js'),
  },
  {
    path: ['volume', 'ls'],
    aliases: ['list'],
    group: stores,
    summary: 'List volumes',
    load: () => import('../../commands/volume/ls.js'),
  },
  {
    path: ['volume', 'inspect'],
    group: stores,
    summary: 'Show everything about volumes',
    load: () => import('../../commands/volume/inspect.js'),
  },
  {
    path: ['volume', 'rm'],
    aliases: ['remove'],
    group: stores,
    summary: 'Remove volumes',
    load: () => import('../../commands/volume/rm.js'),
  },
  {
    path: ['volume', 'prune'],
    group: stores,
    summary: 'Remove volumes that no container uses',
    load: () => import('../../commands/volume/prune.js'),
  },
];

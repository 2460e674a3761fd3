import type { CommandEntry } from './entry.js';

const stores = 'Images, volumes and networks';

export const storeCommands: readonly CommandEntry[] = [
  {
    path: ['image', 'build-base'],
    group: stores,
    summary: 'Build one of the built-in images',
    load: () => import('../../commands/image/build-base.js'),
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
  {
    path: ['network', 'create'],
    group: stores,
    summary: 'Create a network',
    load: () => import('../../commands/network/create.js'),
  },
  {
    path: ['network', 'ls'],
    aliases: ['list'],
    group: stores,
    summary: 'List networks',
    load: () => import('../../commands/network/ls.js'),
  },
  {
    path: ['network', 'inspect'],
    group: stores,
    summary: 'Show everything about networks',
    load: () => import('../../commands/network/inspect.js'),
  },
  {
    path: ['network', 'rm'],
    aliases: ['remove'],
    group: stores,
    summary: 'Remove networks',
    load: () => import('../../commands/network/rm.js'),
  },
  {
    path: ['network', 'connect'],
    group: stores,
    summary: 'Connect a container to a network',
    load: () => import('../../commands/network/connect.js'),
  },
  {
    path: ['network', 'disconnect'],
    group: stores,
    summary: 'Take a container out of a network',
    load: () => import('../../commands/network/disconnect.js'),
  },
  {
    path: ['network', 'prune'],
    group: stores,
    summary: 'Remove networks that no container is connected to',
    load: () => import('../../commands/network/prune.js'),
  },
];

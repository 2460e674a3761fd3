import { lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { diskFull, isDiskFull } from '../../../base/disk-full.js';
import { errnoOf, isWarrenError } from '../../../base/errors.js';
import type { ContainerHandle } from '../../../engine/contract.js';
import { packHostPath } from '../../../storage/pack-host-path.js';
import { unpackOnHost } from '../../../storage/unpack-on-host.js';
import { fileError } from '../../config/given-file.js';
import type { CommandContext } from '../../context.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import { printable } from '../../render/printable.js';
import {
  copyTarget,
  isContentOnly,
  lastName,
  parseCopyEnd,
  type KnownPath,
} from './copy-arguments.js';

interface CopyFlags {
  readonly archive: boolean;
  readonly followLink: boolean;
}

interface Copy {
  readonly container: ContainerHandle;
  /** In the container. */
  readonly inside: string;
  /** On the host; undefined: stdin or stdout. */
  readonly outside: string | undefined;
  readonly flags: CopyFlags;
}

const typeMask = 0o170000;
const directoryType = 0o040000;
const linkType = 0o120000;

/** What a path in the container is; `follow`: a link in the last place is what it leads to. */
async function insidePath(
  container: ContainerHandle,
  path: string,
  follow: boolean,
): Promise<KnownPath> {
  try {
    const { mode, linkTarget } = await container.files.stat(path);
    const followed = follow || path.endsWith('/') || isContentOnly(path);
    if ((mode & typeMask) === linkType && followed)
      return await insidePath(container, linkTarget, false);
    return { path, type: (mode & typeMask) === directoryType ? 'directory' : 'other' };
  } catch (error) {
    if (isWarrenError(error, 'notFound', 'PATH_NOT_FOUND')) return { path, type: 'missing' };
    throw error;
  }
}

async function outsidePath(path: string, follow: boolean): Promise<KnownPath> {
  try {
    const stats = await (follow || path.endsWith('/') || isContentOnly(path)
      ? stat(path)
      : lstat(path));
    return { path, type: stats.isDirectory() ? 'directory' : 'other' };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { path, type: 'missing' };
    throw fileError('look at', path, error);
  }
}

async function copyOut(
  context: CommandContext,
  { container, inside, outside, flags }: Copy,
): Promise<void> {
  const source = await insidePath(container, inside, flags.followLink);
  const open = (): ReturnType<ContainerHandle['files']['copyOut']> =>
    container.files.copyOut(inside, { followLink: flags.followLink });
  if (outside === undefined) {
    await pipeline(await open(), process.stdout, { end: false, signal: context.signal });
    return;
  }
  const target = copyTarget({ ...source, path: inside }, await outsidePath(outside, true));
  const archive = await open();
  const from = isContentOnly(inside) ? '' : lastName(inside);
  const isRenamed = target.name !== undefined && from !== '' && from !== target.name;
  try {
    const skipped = await unpackOnHost(archive as AsyncIterable<Buffer>, {
      directory: await directoryFor(target, { isContent: from === '' }),
      keepOwners: flags.archive,
      ...(isRenamed ? { rename: { from, to: target.name ?? '' } } : {}),
    });
    for (const name of skipped)
      context.output.note(`warren: warning: left out ${printable(name)}: it is a device or a FIFO`);
  } catch (error) {
    throw isDiskFull(error) ? diskFull(`copy ${inside} out`, outside, error) : error;
  } finally {
    archive.destroy();
  }
}

/** The content of a directory without a name needs a directory of the target's name. */
async function directoryFor(
  target: { readonly directory: string; readonly name: string | undefined },
  { isContent }: { readonly isContent: boolean },
): Promise<string> {
  const directory =
    target.name !== undefined && isContent
      ? resolve(target.directory, target.name)
      : resolve(target.directory);
  try {
    if (directory !== resolve(target.directory)) await mkdir(directory, { recursive: false });
    return await realpath(directory);
  } catch (error) {
    throw fileError('copy to', directory, error);
  }
}

async function copyIn({ container, inside, outside, flags }: Copy): Promise<void> {
  const destination = await insidePath(container, inside, true);
  if (outside === undefined) {
    await container.files.copyIn(inside, process.stdin);
    return;
  }
  const source = await outsidePath(outside, flags.followLink);
  if (source.type === 'missing')
    throw fileError('copy', outside, Object.assign(new Error('missing'), { code: 'ENOENT' }));
  const target = copyTarget(source, destination);
  const followed = flags.followLink || outside.endsWith('/') || isContentOnly(outside);
  const archive = packHostPath({
    path: followed ? await realpath(outside) : resolve(outside),
    memberName: target.name ?? '',
    owners: flags.archive ? 'kept' : 'root',
  });
  await container.files.copyIn(target.directory, archive);
}

export const command: CommandDefinition = defineCommand({
  description:
    'Copies a file or directory between a container, running or not, and the host. `dir/.` stands for what is in a directory; - is a tar archive on stdin or stdout. Copies belong to root (inside) or to you (outside), unless -a. Devices, FIFOs, setuid and setgid do not come out of a container.',
  arguments: [argument('SOURCE', 'file'), argument('DESTINATION', 'file')],
  options: {
    archive: flag('-a, --archive', 'Keep owners'),
    followLink: flag('-L, --follow-link', 'Copy what a link leads to'),
    quiet: flag('-q, --quiet', 'Accepted for docker: no progress is shown'),
  },
  examples: [
    { command: 'warren cp web:/etc/hosts .', what: 'Get a file' },
    { command: 'warren cp ./site/. web:/srv', what: 'Give it the content of a directory' },
    { command: 'warren cp web:/var/log - | tar t', what: 'Look at a directory as an archive' },
  ],
  run: async (context, { args, options: flags }) => {
    const source = parseCopyEnd(args[0] ?? '');
    const destination = parseCopyEnd(args[1] ?? '');
    const ends = [source, destination].filter((end) => end.kind === 'container');
    const [end] = ends;
    if (end === undefined)
      throw usageError(
        'Neither SOURCE nor DESTINATION is in a container',
        'Write CONTAINER:PATH for one of them',
      );
    if (ends.length > 1)
      throw usageError('Cannot copy from container to container', 'Copy to the host first');
    const other = end === source ? destination : source;
    const engine = await context.engine();
    const container = await engine.get(end.reference);
    const outside = other.kind === 'host' ? other.path : undefined;
    const copy: Copy = { container, inside: end.path, outside, flags };
    await (end === source ? copyOut(context, copy) : copyIn(copy));
  },
});

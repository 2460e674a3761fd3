import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { WarrenError } from '../../../base/errors.js';
import { encodeTarHeader, tarEnd, tarPadding } from '../../../base/tar/tar-header.js';
import type { UndoStack } from '../../../base/undo.js';
import { lockAcrossProcesses } from '../../../host/process-lock.js';
import { makeTemporaryDirectory } from '../../../host/temporary-directory.js';
import { removeTree } from '../../../host/tree/remove-tree.js';
import type { RunMount } from '../../../image/dockerfile/mount-flag.js';
import { unpackLayer } from '../../../image/layer/unpack-layer.js';
import type { Mount } from '../../../model/container-config.js';
import type { Build } from '../build-state.js';
import { filesOf, matches } from './copy-source.js';
import { openContextSource, openStageSource } from '../sources.js';

/** Prefix of the directories in the run dir that hold secrets while a step runs. */
export const secretPrefix = 'build-secret';

export interface MountRequest {
  readonly workingDir: string;
  readonly temporary: string;
  /** What ends with the step. */
  readonly undo: UndoStack;
}

/** Provides what a `--mount` names and says where. A secret that is optional and not given: null. */
export async function provideMount(
  build: Build,
  mount: RunMount,
  request: MountRequest,
): Promise<Mount | null> {
  const target = posix.resolve('/', request.workingDir, mount.target);
  switch (mount.type) {
    case 'tmpfs': {
      const { sizeBytes } = mount;
      const size = sizeBytes === undefined ? {} : { sizeBytes };
      return { type: 'tmpfs', target, noexec: false, ...size };
    }
    case 'cache':
      return await provideCache(build, { ...mount, target }, request);
    case 'secret':
      return provideSecret(build, { ...mount, target }, request);
    case 'bind':
      return await provideFiles(build, { ...mount, target }, request);
  }
}

/** Where caches of RUN steps live, below the data root. */
export function cacheDirectory(dataRoot: string): string {
  return join(dataRoot, 'build-cache');
}

async function provideCache(
  { context, options }: Build,
  mount: Extract<RunMount, { type: 'cache' }>,
  { undo }: MountRequest,
): Promise<Mount> {
  const { dataRoot } = context.settings;
  const name = createHash('sha256').update(mount.id).digest('hex').slice(0, 32);
  const source = join(cacheDirectory(dataRoot), name);
  if (mount.sharing !== 'shared') {
    const wait = options.signal === undefined ? {} : { signal: options.signal };
    const lock = await lockAcrossProcesses(dataRoot, `build-cache:${name}`, wait);
    undo.defer('unlock the cache', () => lock.release());
  }
  mkdirSync(cacheDirectory(dataRoot), { recursive: true, mode: 0o700 });
  if (!existsSync(source)) {
    mkdirSync(source, { recursive: true });
    chownSync(source, mount.uid, mount.gid);
    chmodSync(source, mount.mode);
  }
  const { target, readOnly } = mount;
  return { type: 'bind', source, target, readOnly, idmap: true };
}

/** In the run dir, which is memory where the system has it so, for as long as the step runs. */
function provideSecret(
  { context, options }: Build,
  mount: Extract<RunMount, { type: 'secret' }>,
  { undo }: MountRequest,
): Mount | null {
  const content = options.secrets?.[mount.id];
  if (content === undefined) {
    if (!mount.required) return null;
    throw new WarrenError(
      'invalidArgument',
      'SECRET_MISSING',
      `Cannot build: a step needs the secret ${mount.id}, which was not given`,
      { hint: `Give it with --secret id=${mount.id},src=FILE` },
    );
  }
  const directory = makeTemporaryDirectory(context.settings.runDir, secretPrefix);
  undo.defer('remove the secret', () => removeTree(directory));
  const source = join(directory, 'secret');
  writeFileSync(source, content, { mode: 0o600 });
  chownSync(source, mount.uid, mount.gid);
  chmodSync(source, mount.mode);
  return { type: 'bind', source, target: mount.target, readOnly: true, idmap: true };
}

/** A copy, without what .dockerignore names: what the step writes to it is lost. */
async function provideFiles(
  build: Build,
  mount: Extract<RunMount, { type: 'bind' }>,
  { temporary }: MountRequest,
): Promise<Mount> {
  await using source =
    mount.from === '' ? await openContextSource(build) : await openStageSource(build, mount.from);
  const [path] = await matches(source, mount.source);
  if (path === undefined) {
    throw new WarrenError(
      'notFound',
      'MOUNT_SOURCE',
      `Cannot build: there is no ${mount.source} to mount at ${mount.target}`,
    );
  }
  const number = createHash('sha256').update(mount.target).digest('hex').slice(0, 16);
  const directory = join(temporary, `mount-${number}`);
  mkdirSync(directory, { mode: 0o755 });
  let isDirectory = false;
  const tar = async function* (): AsyncGenerator<Buffer> {
    for await (const { entry, content } of filesOf(source, path)) {
      isDirectory ||= entry.path === '' && entry.type === 'directory';
      yield encodeTarHeader({ ...entry, path: entry.path === '' ? rootName(isDirectory) : entry.path });
      if (content !== null) yield* content;
      yield tarPadding(entry.size);
    }
    yield tarEnd;
  };
  await unpackLayer(tar(), directory, { host: build.context.host });
  const { target, readOnly } = mount;
  const from = isDirectory ? directory : join(directory, rootName(false));
  return { type: 'bind', source: from, target, readOnly, idmap: true };
}

function rootName(isDirectory: boolean): string {
  return isDirectory ? './' : 'file';
}

import { chmodSync, createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import { encodeTarHeader, tarPadding } from '../../base/tar/tar-header.js';
import { readTar } from '../../base/tar/tar-reader.js';
import { nativeProgramPath } from '../../host/native-path.js';
import type { Host, RunResult } from '../../host/port.js';
import type { OnProgress } from '../../model/events.js';
import type { Recipe, RecipeSource } from './recipe.js';
import { tarOfEntries, type LayerEntry } from '../layer/write-layer.js';

export interface SourceContext {
  readonly host: Pick<Host, 'run'>;
  /** An empty directory of ours. */
  readonly temporary: string;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal;
}

export interface BaseSource {
  /** The layer's tar. */
  readonly tar: AsyncIterable<Buffer>;
  /** What the source adds to the image's labels. */
  readonly labels: Readonly<Record<string, string>>;
}

/** True when the source needs nothing that is not on this machine. */
export async function isLocal(source: RecipeSource, host: Pick<Host, 'run'>): Promise<boolean> {
  switch (source.kind) {
    case 'warren-init':
      return true;
    case 'deb-package':
      return (await installedVersion(source, host)) !== null;
    case 'mmdebstrap':
      return false;
  }
}

/** Gets what the recipe names and gives it as the tar of one layer. */
export async function openSource(recipe: Recipe, context: SourceContext): Promise<BaseSource> {
  const { source } = recipe;
  switch (source.kind) {
    case 'warren-init':
      return initSource(recipe, source.target, context);
    case 'deb-package':
      return packageSource(recipe, source, context);
    case 'mmdebstrap':
      return bootstrapSource(recipe, source, context);
  }
}

async function initSource(
  recipe: Recipe,
  target: string,
  { temporary }: SourceContext,
): Promise<BaseSource> {
  const program: LayerEntry = {
    type: 'file',
    path: target,
    mode: 0o755,
    content: { file: nativeProgramPath('warren-init') },
  };
  return { tar: await tarOf([...entriesOf(recipe), program], temporary), labels: {} };
}

type PackageSource = Extract<RecipeSource, { kind: 'deb-package' }>;

async function packageSource(
  recipe: Recipe,
  source: PackageSource,
  context: SourceContext,
): Promise<BaseSource> {
  const installed = await installedVersion(source, context.host);
  const root = installed === null ? await downloadPackage(source.package, context) : '/';
  const version = installed ?? (await downloadedVersion(context));
  const files: LayerEntry[] = source.files.map(({ from, to }) => ({
    type: 'file',
    path: to,
    mode: 0o755,
    content: { file: join(root, from) },
  }));
  const links = await programLinks(source, root, context);
  return {
    tar: await tarOf([...links, ...entriesOf(recipe), ...files], context.temporary),
    labels: { 'org.opencontainers.image.version': version },
  };
}

/** Version of the installed package with all its files in place, else null. */
async function installedVersion(
  source: PackageSource,
  host: Pick<Host, 'run'>,
): Promise<string | null> {
  let result: RunResult;
  try {
    const format = '${db:Status-Status}\t${Version}';
    result = await host.run('dpkg-query', ['-W', `-f=${format}`, source.package]);
  } catch {
    // Not a Debian system: the download says what is missing.
    return null;
  }
  const [status, version] = result.stdout.trim().split('\t');
  const present = source.files.every(({ from }) => existsSync(from));
  return result.code === 0 && status === 'installed' && present ? (version ?? null) : null;
}

async function downloadPackage(name: string, context: SourceContext): Promise<string> {
  const { host, temporary, onProgress } = context;
  onProgress({ kind: 'step', name: 'download', detail: name });
  const download = join(temporary, 'download');
  // apt gives up root for the transfer.
  mkdirSync(download, { mode: 0o777 });
  chmodSync(download, 0o777);
  await mustRun(context, 'apt-get', ['download', '-q', name], download);
  const file = readdirSync(download).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) throw failed('apt-get', 'it wrote no package file');
  const root = join(temporary, 'package');
  await mustRun({ ...context, host }, 'dpkg-deb', ['--extract', join(download, file), root]);
  return root;
}

async function downloadedVersion(context: SourceContext): Promise<string> {
  const download = join(context.temporary, 'download');
  const file = readdirSync(download).find((entry) => entry.endsWith('.deb')) ?? '';
  const { stdout } = await mustRun(context, 'dpkg-deb', ['-f', join(download, file), 'Version']);
  return stdout.trim();
}

/** The names that the program itself lists, relative to the root, one on each line. */
async function programLinks(
  source: PackageSource,
  root: string,
  context: SourceContext,
): Promise<LayerEntry[]> {
  const { links } = source;
  if (links === undefined) return [];
  const from = source.files.find(({ to }) => to === links.program)?.from ?? links.program;
  const { stdout } = await mustRun(context, join(root, from), links.arguments);
  return stdout
    .split('\n')
    .filter((name) => /^[A-Za-z0-9_./[\]+-]+$/.test(name) && !name.split('/').includes('..'))
    .map((name) => ({ type: 'symlink', path: `/${name}`, target: links.program }));
}

type BootstrapSource = Extract<RecipeSource, { kind: 'mmdebstrap' }>;

async function bootstrapSource(
  recipe: Recipe,
  source: BootstrapSource,
  context: SourceContext,
): Promise<BaseSource> {
  const archive = join(context.temporary, 'root.tar');
  const { include = [] } = source;
  const args = [
    `--variant=${source.variant}`,
    `--components=${source.components.join(',')}`,
    ...(include.length === 0 ? [] : [`--include=${include.join(',')}`]),
    '--format=tar',
    source.suite,
    archive,
  ];
  // The epoch makes two builds of the same packages equal.
  await mustRun(context, 'env', ['SOURCE_DATE_EPOCH=0', 'LC_ALL=C.UTF-8', 'mmdebstrap', ...args]);
  return {
    tar: cleanTar(createReadStream(archive), await tarOf(entriesOf(recipe), context.temporary)),
    labels: { 'org.opencontainers.image.version': source.suite },
  };
}

/** The archive without what is in /dev, which every container gets fresh, followed by `more`. */
async function* cleanTar(
  archive: AsyncIterable<Buffer>,
  more: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  for await (const member of readTar(archive)) {
    const path = member.path.replace(/^\.\//, '');
    if (path === '' || /^dev\/./.test(path)) continue;
    yield encodeTarHeader({ ...member, path });
    yield* member.content;
    yield tarPadding(member.size);
  }
  yield* more;
}

async function tarOf(
  entries: readonly LayerEntry[],
  temporary: string,
): Promise<AsyncIterable<Buffer>> {
  const staging = join(temporary, 'staging');
  await mkdir(staging, { mode: 0o700 });
  return await tarOfEntries(entries, staging);
}

function entriesOf(recipe: Recipe): LayerEntry[] {
  const mode = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : parseInt(text, 8);
  return [
    ...recipe.directories.map((entry): LayerEntry => ({
      type: 'directory',
      path: entry.path,
      mode: mode(entry.mode, 0o755),
    })),
    ...recipe.links.map(({ path, target }): LayerEntry => ({ type: 'symlink', path, target })),
    ...recipe.files.map((entry): LayerEntry => ({
      type: 'file',
      path: entry.path,
      mode: mode(entry.mode, 0o644),
      content: Buffer.from(entry.content),
    })),
  ];
}

async function mustRun(
  context: SourceContext,
  command: string,
  ...[args, cwd]: [args: readonly string[], cwd?: string]
): Promise<RunResult> {
  const { host, onProgress, signal } = context;
  let result: RunResult;
  try {
    result = await host.run(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
      onLine: (line) => onProgress({ kind: 'step', name: shownName(command, args), detail: line }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    const missing = errnoOf(cause) === 'ENOENT';
    throw failed(
      shownName(command, args),
      missing ? 'it is not installed' : 'it did not start',
      cause,
    );
  }
  signal?.throwIfAborted();
  if (result.code === 0) return result;
  throw failed(
    command,
    result.stderr.trim().split('\n').at(-1) ?? `status ${result.code ?? 'none'}`,
  );
}

/** `env NAME=value … COMMAND` is shown as COMMAND. */
function shownName(command: string, args: readonly string[]): string {
  return command === 'env'
    ? (args.find((word) => !word.includes('=')) ?? command)
    : basename(command);
}

function failed(command: string, reason: string, cause?: unknown): WarrenError {
  return new WarrenError('unavailable', 'BASE_IMAGE_SOURCE', `Cannot run ${command}: ${reason}`, {
    hint: 'Base images need Debian tools and, unless the package is installed, a reachable package mirror',
    ...(cause === undefined ? {} : { cause }),
  });
}

import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { TarEntry } from '../../../base/tar/tar-header.js';
import { readTar } from '../../../base/tar/tar-reader.js';
import type { RecordFile } from '../../../host/tree/apply-records.js';
import {
  flagValue,
  instructionError,
  requireFlags,
  type Instruction,
} from '../../../image/dockerfile/instruction.js';
import { isLayerAttribute } from '../../../image/layer/layer-names.js';
import { expandText, splitWords } from '../../../image/dockerfile/words.js';
import { keyOf, lookupIn, type Build, type StageState } from '../build-state.js';
import { filesOf, matches, type CopySource, type SourceFile } from './copy-source.js';
import { ownerOf, type Owner } from '../image-user.js';
import { isDirectoryIn } from '../image-files.js';
import { applyToState, layerStep } from './layer-step.js';
import { openContextSource, openStageSource } from '../sources.js';
import { openLocalTar } from './local-tar.js';
import type { StepResult } from './step-result.js';
import { createdByOf, expander } from '../variables.js';

/** One thing to copy, with the name that it has when it is put into a directory. */
interface Item {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly files: () => AsyncGenerator<SourceFile>;
}

interface CopyPlan {
  readonly items: readonly Item[];
  /** As the user wrote it, variables replaced. */
  readonly destination: string;
  readonly owner: Owner | null;
  readonly mode: number | undefined;
}

/** COPY and ADD. */
export async function copyStep(
  build: Build,
  state: StageState,
  instruction: Instruction,
): Promise<StepResult> {
  const isAdd = instruction.keyword === 'ADD';
  requireFlags(instruction, isAdd ? ['chown', 'chmod', 'link'] : ['from', 'chown', 'chmod', 'link']);
  const from = flagValue(instruction, 'from');
  await using source =
    from === undefined
      ? await openContextSource(build)
      : await openStageSource(build, expander(build, state, instruction)(from));
  const plan = await planOf({ build, state, instruction, source });
  const key = keyOf(state.key, createdByOf(instruction), plan.destination, await digestOf(plan));
  return await layerStep(build, state, {
    key,
    createdBy: createdByOf(instruction),
    work: (temporary) =>
      applyToState(build, state, { temporary, fill: (records) => fill(records, { build, state, plan }) }),
  });
}

interface PlanInput {
  readonly build: Build;
  readonly state: StageState;
  readonly instruction: Instruction;
  readonly source: CopySource;
}

async function planOf(input: PlanInput): Promise<CopyPlan> {
  const { build, state, instruction } = input;
  const expand = expander(build, state, instruction);
  const words = (instruction.json ?? splitWords(instruction.text, build.escape)).map(expand);
  const destination = words.at(-1);
  const sources = words.slice(0, -1);
  if (destination === undefined || sources.length === 0)
    throw instructionError(instruction, 'it needs a source and a destination');
  const items = (await Promise.all(sources.map((text) => itemsOf(input, text)))).flat();
  if (items.length > 1 && !destination.endsWith('/'))
    throw instructionError(
      instruction,
      `several files go to ${destination}, which is no directory`,
      { hint: 'End the destination with a slash' },
    );
  const chown = flagValue(instruction, 'chown');
  const chmod = flagValue(instruction, 'chmod');
  if (chmod !== undefined && !/^[0-7]{3,4}$/.test(expand(chmod)))
    throw instructionError(instruction, `--chmod takes an octal mode, not ${chmod}`);
  return {
    items,
    destination,
    owner: chown === undefined ? null : ownerOf(build, state, expand(chown)),
    mode: chmod === undefined ? undefined : parseInt(expand(chmod), 8),
  };
}

async function itemsOf(input: PlanInput, text: string): Promise<readonly Item[]> {
  const { instruction, source } = input;
  const inline = instruction.hereDocuments.find(({ name }) =>
    new RegExp(`^<<-?["']?${name}["']?$`).test(text),
  );
  if (inline !== undefined) return [inlineItem(input, inline)];
  if (/^(?:https?|ftp|git):\/\/|^git@/.test(text))
    throw instructionError(instruction, `${text} is no file of the context`, {
      kind: 'unsupported',
      hint: 'Fetch it in a RUN step, where its digest can be checked, or before the build',
    });
  const found = await matches(source, text);
  if (found.length === 0)
    throw instructionError(instruction, `there is no file ${text} in the context`, {
      kind: 'notFound',
      hint: 'Files that .dockerignore names, or that lie outside of the context, cannot be copied',
    });
  return await Promise.all(found.map((path) => itemOf(input, path)));
}

async function itemOf({ instruction, source }: PlanInput, path: string): Promise<Item> {
  const name = posix.basename(path);
  const archive = instruction.keyword === 'ADD' ? await openLocalTar(source, path) : null;
  if (archive !== null) {
    return { name, isDirectory: true, files: () => filesOfTar(archive()) };
  }
  const files = filesOf(source, path);
  const first = await files.next();
  await files.return(undefined);
  const isDirectory = first.done !== true && first.value.entry.type === 'directory';
  return { name, isDirectory, files: () => filesOf(source, path) };
}

function inlineItem(
  { state, instruction, build }: PlanInput,
  { name, content, expand }: Instruction['hereDocuments'][number],
): Item {
  const lookup = lookupIn(state);
  let text = content;
  try {
    if (expand) text = expandText(content, { lookup, escape: build.escape });
  } catch (cause) {
    throw instructionError(instruction, `here-document ${name}: ${String(cause)}`, { cause });
  }
  const bytes = Buffer.from(text);
  const entry: TarEntry = {
    path: '',
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: bytes.length,
    mtimeSeconds: 0,
  };
  const files = async function* (): AsyncGenerator<SourceFile> {
    yield { entry, content: chunks(bytes) };
  };
  return { name, isDirectory: false, files };
}

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function* filesOfTar(tar: AsyncIterable<Buffer>): AsyncGenerator<SourceFile> {
  for await (const member of readTar(tar)) {
    const parts = member.path.split('/').filter((part) => part !== '' && part !== '.');
    if (member.type === 'character-device' || member.type === 'block-device') continue;
    if (parts.length === 0 || parts.includes('..')) continue;
    const xattrs = new Map([...member.xattrs].filter(([name]) => isLayerAttribute(name)));
    const entry = { ...member, path: parts.join('/'), xattrs };
    yield { entry, content: member.type === 'file' ? member.content : null };
  }
}

/** Of everything that is copied but times: the same files again are the same step. */
async function digestOf({ items, owner, mode }: CopyPlan): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([owner, mode]));
  for (const { name, isDirectory, files } of items) {
    hash.update(JSON.stringify([name, isDirectory]));
    for await (const { entry, content } of files()) {
      const { path, type, uid, gid, size, linkName } = entry;
      hash.update(JSON.stringify([path, type, entry.mode, uid, gid, size, linkName]));
      for (const [name, value] of entry.xattrs ?? []) {
        hash.update(JSON.stringify([name, value.toString('hex')]));
      }
      if (content !== null) for await (const chunk of content) hash.update(chunk);
    }
  }
  return hash.digest('hex');
}

interface Filling {
  readonly build: Build;
  readonly state: StageState;
  readonly plan: CopyPlan;
}

async function fill(records: RecordFile, { build, state, plan }: Filling): Promise<void> {
  const { items, destination, owner, mode } = plan;
  const base = state.config.config?.WorkingDir ?? '/';
  const target = posix.resolve('/', base, destination).slice(1);
  const into =
    destination.endsWith('/') || items.some(({ isDirectory }) => isDirectory) || target === '';
  const inside = into || (await isDirectoryIn(build, state, target));
  for (const item of items) {
    const start = item.isDirectory || !inside ? target : joined(target, item.name);
    const parent = item.isDirectory || inside ? target : '';
    if (parent !== '') await records.add(directoryEntry(parent, owner), { unlessPresent: true });
    for await (const { entry, content } of item.files()) {
      const path = joined(toBytes(start), entry.path);
      if (path === '' || (item.isDirectory && entry.path === '')) continue;
      await records.add(
        {
          ...entry,
          ...owner,
          path,
          mode: mode !== undefined && entry.type !== 'symlink' ? mode : entry.mode,
          ...(entry.type === 'link'
            ? { linkName: joined(toBytes(start), entry.linkName ?? '') }
            : {}),
        },
        { unlessPresent: entry.type === 'directory' },
      );
      if (content !== null && entry.size > 0) await records.content(content);
      for (const [name, value] of entry.xattrs ?? []) await records.xattr(path, name, value);
    }
  }
}

function directoryEntry(path: string, owner: Owner | null): TarEntry {
  const { uid, gid } = owner ?? { uid: 0, gid: 0 };
  return {
    path: toBytes(path),
    type: 'directory',
    mode: 0o755,
    uid,
    gid,
    size: 0,
    mtimeSeconds: Math.floor(Date.now() / 1000),
  };
}

function joined(directory: string, name: string): string {
  if (directory === '') return name;
  return name === '' ? directory : `${directory}/${name}`;
}

function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

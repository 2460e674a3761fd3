import { DockerfileParser, type Instruction as ParsedInstruction } from 'dockerfile-ast';
import { WarrenError } from '../../base/errors.js';
import {
  instructionError,
  type Flag,
  type HereDocument,
  type Instruction,
  type SourcePlace,
} from './instruction.js';

export interface ParsedDockerfile {
  readonly instructions: readonly Instruction[];
  /** `\`, or what a directive at the top says. */
  readonly escape: string;
}

const keywords = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);
const withHereDocuments = new Set(['RUN', 'COPY', 'ADD']);
const hereDocument = /<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_.]*)\2/g;

/** Reads a Dockerfile. Throws invalidArgument (DOCKERFILE) with file and line. */
export function parseDockerfile(content: string, file: string): ParsedDockerfile {
  const parsed = DockerfileParser.parse(content);
  const escape = parsed.getEscapeCharacter();
  const lines = content.split(/\r?\n/);
  const instructions = parsed
    .getInstructions()
    .map((instruction) => toInstruction(instruction, { lines, escape, file }));
  if (instructions.length === 0) {
    throw new WarrenError('invalidArgument', 'DOCKERFILE', `Cannot build: ${file} is empty`);
  }
  return { instructions, escape };
}

/** One instruction given as text, such as an ONBUILD trigger. */
export function parseInstruction(text: string, place: SourcePlace): Instruction {
  const [instruction] = parseDockerfile(text, place.file).instructions;
  if (instruction === undefined) throw new Error('A parsed file has an instruction');
  return { ...instruction, place };
}

interface Source {
  readonly lines: readonly string[];
  readonly escape: string;
  readonly file: string;
}

function toInstruction(parsed: ParsedInstruction, source: Source): Instruction {
  const { start, end } = parsed.getRange();
  const keyword = parsed.getKeyword().toUpperCase();
  const place = { file: source.file, line: start.line + 1 };
  if (!keywords.has(keyword)) {
    throw instructionError({ place, keyword }, 'unknown instruction');
  }
  const lines = source.lines.slice(start.line, end.line + 1);
  const { text: first, used } = joinedLines(lines, source.escape);
  const rest = first.trim().slice(parsed.getInstruction().length).trim();
  const { flags, text } = takeFlags(rest);
  const documents = withHereDocuments.has(keyword) ? hereDocumentsOf(text, lines.slice(used)) : [];
  const unfinished = documents.find(({ content }) => content === null);
  if (unfinished !== undefined) {
    throw instructionError({ place, keyword }, `the here-document ${unfinished.name} has no end`);
  }
  return {
    keyword,
    flags,
    text,
    json: jsonList(text),
    hereDocuments: documents.map((each) => ({ ...each, content: each.content ?? '' })),
    script: documents.length === 0 ? text : [text, ...lines.slice(used)].join('\n'),
    place,
  };
}

/** The logical line: continued lines without what continues them, comments and empty lines left out. */
function joinedLines(
  lines: readonly string[],
  escape: string,
): { readonly text: string; readonly used: number } {
  let text = '';
  for (const [index, line] of lines.entries()) {
    if (index > 0 && (/^\s*#/.test(line) || line.trim() === '')) continue;
    const trimmed = line.trimEnd();
    if (!trimmed.endsWith(escape)) return { text: text + line, used: index + 1 };
    text += trimmed.slice(0, -1);
  }
  return { text, used: lines.length };
}

function takeFlags(text: string): { readonly flags: readonly Flag[]; readonly text: string } {
  const flags: Flag[] = [];
  let rest = text;
  for (;;) {
    const match = /^--([a-z][a-z0-9-]*)(?:=((?:"[^"]*"|\S)*))?(?:\s+|$)/.exec(rest);
    if (match === null) return { flags, text: rest };
    flags.push({ name: match[1] ?? '', value: match[2]?.replace(/^"(.*)"$/, '$1') });
    rest = rest.slice(match[0].length);
  }
}

function hereDocumentsOf(
  text: string,
  lines: readonly string[],
): (Omit<HereDocument, 'content'> & { readonly content: string | null })[] {
  let next = 0;
  return [...text.matchAll(hereDocument)].map(([, dash, quote, name = '']) => {
    const bare = (line: string): string => (dash === '-' ? line.replace(/^\t+/, '') : line);
    const content: string[] = [];
    while (next < lines.length) {
      const line = bare(lines[next] ?? '');
      next += 1;
      if (line === name) return { name, expand: quote === '', content: `${content.join('\n')}\n` };
      content.push(line);
    }
    return { name, expand: quote === '', content: null };
  });
}

/** Docker takes what is no list of strings as a line for the shell. */
function jsonList(text: string): readonly string[] | null {
  if (!text.startsWith('[')) return null;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : null;
  } catch {
    return null;
  }
}

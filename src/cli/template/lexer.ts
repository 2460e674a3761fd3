import { positionAt, templateError, type Position } from './template-error.js';

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'field'
  | 'dot'
  | 'variable'
  | 'word'
  | 'string'
  | 'number'
  | 'symbol';

export interface Token {
  readonly kind: TokenKind;
  /** Of a field and a variable without the dot or dollar sign; of a string without quotes and escapes. */
  readonly text: string;
  /** Directly behind the token before it: `.A.B` is a chain, `.A .B` are two arguments. */
  readonly adjacent: boolean;
  readonly at: Position;
}

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['field', /\.([\p{L}_][\p{L}\p{N}_]*)/uy],
  ['number', /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['dot', /(\.)/y],
  ['variable', /\$([\p{L}\p{N}_]*)/uy],
  ['word', /([\p{L}_][\p{L}\p{N}_]*)/uy],
  ['string', /"((?:[^"\\\n]|\\.)*)"/y],
  ['string', /`([^`]*)`/y],
  ['symbol', /(:=|[|=(),])/y],
];

interface Action {
  /** Offsets of the code between the delimiters, in the whole template. */
  readonly start: number;
  readonly end: number;
  readonly next: number;
  readonly trimLeft: boolean;
  readonly trimRight: boolean;
  readonly comment: boolean;
}

const opening = /\{\{(-(?=\s))?/g;
const comment = /\s*\/\*[^]*?\*\/\s*?(-)?\}\}/y;
const stringOrClosing = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|(\s-)?\}\}/g;

function findAction(source: string, from: number): (Action & { readonly open: number }) | null {
  opening.lastIndex = from;
  const match = opening.exec(source);
  if (match === null) return null;
  const start = match.index + match[0].length;
  const common = { open: match.index, start, trimLeft: match[1] !== undefined };
  comment.lastIndex = start;
  const note = comment.exec(source);
  if (note !== null) {
    return {
      ...common,
      end: start,
      next: comment.lastIndex,
      trimRight: note[1] !== undefined,
      comment: true,
    };
  }
  stringOrClosing.lastIndex = start;
  for (
    let found = stringOrClosing.exec(source);
    found !== null;
    found = stringOrClosing.exec(source)
  ) {
    if (!found[0].endsWith('}}')) continue;
    return {
      ...common,
      end: found.index,
      next: stringOrClosing.lastIndex,
      trimRight: found[1] !== undefined,
      comment: false,
    };
  }
  throw templateError(
    positionAt(source, match.index),
    'the action is not closed',
    'Every {{ needs a }}.',
  );
}

/** JSON refuses raw control characters in a string, Go's templates do not. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

function unescape(text: string, source: string, offset: number): string {
  try {
    return JSON.parse(`"${escapeControls(text.replaceAll("\\'", "'"))}"`) as string;
  } catch {
    throw templateError(positionAt(source, offset), `the string "${text}" has an unknown escape`);
  }
}

function readToken(source: string, offset: number, action: Action): readonly [Token, number] {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = offset;
    const match = pattern.exec(source);
    if (match === null || pattern.lastIndex > action.end) continue;
    const isEscaped = kind === 'string' && match[0].startsWith('"');
    const raw = match[1] ?? match[0];
    const text = isEscaped ? unescape(raw, source, offset) : raw;
    const adjacent = offset > action.start && !/\s/.test(source[offset - 1] ?? '');
    return [{ kind, text, adjacent, at: positionAt(source, offset) }, pattern.lastIndex];
  }
  throw templateError(positionAt(source, offset), `unexpected ${JSON.stringify(source[offset])}`);
}

function* actionTokens(
  source: string,
  action: Action & { readonly open: number },
): Generator<Token> {
  yield { kind: 'open', text: '{{', adjacent: false, at: positionAt(source, action.open) };
  let offset = action.start;
  for (;;) {
    while (offset < action.end && /\s/.test(source[offset] ?? '')) offset += 1;
    if (offset >= action.end) break;
    const [token, next] = readToken(source, offset, action);
    yield token;
    offset = next;
  }
  yield { kind: 'close', text: '}}', adjacent: false, at: positionAt(source, action.end) };
}

/** Splits a template into texts and the tokens of its actions; comments and trimmed spaces are gone. */
export function* tokenize(source: string): Generator<Token> {
  let offset = 0;
  let trimStart = false;
  for (;;) {
    const action = findAction(source, offset);
    let text = source.slice(offset, action?.open ?? source.length);
    if (trimStart) text = text.trimStart();
    if (action?.trimLeft === true) text = text.trimEnd();
    if (text !== '') yield { kind: 'text', text, adjacent: false, at: positionAt(source, offset) };
    if (action === null) return;
    if (!action.comment) yield* actionTokens(source, action);
    trimStart = action.trimRight;
    offset = action.next;
  }
}

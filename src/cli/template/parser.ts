import { tokenize, type Token } from './lexer.js';
import type { Command, Node, Operand, Pipeline } from './syntax.js';
import { positionAt, templateError, type Position } from './template-error.js';

const blocks = ['if', 'with', 'range'] as const;
type BlockKind = (typeof blocks)[number];

/** Reads the tokens of one template from first to last. */
class Cursor {
  readonly #tokens: readonly Token[];
  readonly #end: Position;
  #next = 0;

  constructor(source: string) {
    this.#tokens = [...tokenize(source)];
    this.#end = positionAt(source, source.length);
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#next + ahead];
  }

  take(): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw templateError(this.#end, 'unexpected end');
    this.#next += 1;
    return token;
  }

  /** Takes the token if it is this one. */
  accept(kind: Token['kind'], text?: string): Token | undefined {
    const token = this.peek();
    if (token?.kind !== kind || (text !== undefined && token.text !== text)) return undefined;
    return this.take();
  }

  expect(kind: Token['kind'], wanted: string): Token {
    const token = this.take();
    if (token.kind !== kind)
      throw templateError(token.at, `expected ${wanted}, found ${JSON.stringify(token.text)}`);
    return token;
  }

  /** Words of the action at the cursor: `{{else if` gives `else`, `if`. */
  actionWords(): readonly [string | undefined, string | undefined] {
    if (this.peek()?.kind !== 'open') return [undefined, undefined];
    const word = (token: Token | undefined): string | undefined =>
      token?.kind === 'word' ? token.text : undefined;
    return [word(this.peek(1)), word(this.peek(2))];
  }

  get end(): Position {
    return this.#end;
  }
}

function fieldsBehind(cursor: Cursor): string[] {
  const fields: string[] = [];
  for (
    let token = cursor.peek();
    token?.kind === 'field' && token.adjacent;
    token = cursor.peek()
  ) {
    fields.push(cursor.take().text);
  }
  return fields;
}

function parseWord(token: Token): Operand {
  if (token.text === 'true' || token.text === 'false')
    return { kind: 'literal', value: token.text === 'true' };
  if (token.text === 'nil') return { kind: 'literal', value: null };
  return { kind: 'function', name: token.text, at: token.at };
}

function parseOperand(cursor: Cursor): Operand {
  const token = cursor.take();
  const { at } = token;
  switch (token.kind) {
    case 'string':
      return { kind: 'literal', value: token.text };
    case 'number':
      return { kind: 'literal', value: Number(token.text) };
    case 'word':
      return parseWord(token);
    case 'field':
      return { kind: 'dot', fields: [token.text, ...fieldsBehind(cursor)], at };
    case 'dot':
      return { kind: 'dot', fields: [], at };
    case 'variable':
      return { kind: 'variable', name: token.text, fields: fieldsBehind(cursor), at };
    case 'symbol': {
      if (token.text !== '(') break;
      const pipeline = parsePipeline(cursor, false);
      const close = cursor.take();
      if (close.text !== ')') throw templateError(close.at, 'expected ")"');
      return { kind: 'group', pipeline, fields: fieldsBehind(cursor), at };
    }
    case 'text':
    case 'open':
    case 'close':
      break;
  }
  throw templateError(at, `expected a value, found ${JSON.stringify(token.text)}`);
}

function endsCommand(token: Token | undefined): boolean {
  return (
    token === undefined ||
    token.kind === 'close' ||
    (token.kind === 'symbol' && /^[|)]$/.test(token.text))
  );
}

function parseCommand(cursor: Cursor): Command {
  const at = cursor.peek()?.at ?? cursor.end;
  const operands: [Operand, ...Operand[]] = [parseOperand(cursor)];
  while (!endsCommand(cursor.peek())) operands.push(parseOperand(cursor));
  return { operands, at };
}

/** `$a :=`, `$a =` and, in a range, `$i, $e :=` in front of a pipeline. */
function parseVariables(cursor: Cursor, inRange: boolean): Pick<Pipeline, 'variables' | 'assigns'> {
  const first = cursor.peek();
  const sign = cursor.peek(1);
  if (first?.kind !== 'variable' || sign?.kind !== 'symbol')
    return { variables: [], assigns: false };
  if (!['=', ':=', ','].includes(sign.text)) return { variables: [], assigns: false };
  const variables = [cursor.take().text];
  if (cursor.accept('symbol', ',') !== undefined) {
    if (!inRange) throw templateError(sign.at, 'only a range has two variables');
    variables.push(cursor.expect('variable', 'a variable').text);
  }
  const assignment = cursor.expect('symbol', '":="');
  if (assignment.text !== '=' && assignment.text !== ':=')
    throw templateError(assignment.at, 'expected ":="');
  return { variables, assigns: assignment.text === '=' };
}

function parsePipeline(cursor: Cursor, inRange: boolean): Pipeline {
  const at = cursor.peek()?.at ?? cursor.end;
  const { variables, assigns } = parseVariables(cursor, inRange);
  const commands = [parseCommand(cursor)];
  while (cursor.accept('symbol', '|') !== undefined) commands.push(parseCommand(cursor));
  return { variables, assigns, commands, at };
}

function isBlock(word: string | undefined): word is BlockKind {
  return blocks.some((kind) => kind === word);
}

/** The rest of a block behind its keyword, to the `{{end}}` that closes it. */
function parseBlock(cursor: Cursor, kind: BlockKind, at: Position): Node {
  const pipeline = parsePipeline(cursor, kind === 'range');
  cursor.expect('close', '"}}"');
  const body = parseNodes(cursor);
  const [word, nested] = cursor.actionWords();
  if (word === undefined) throw templateError(at, `{{${kind}}} has no {{end}}`);
  cursor.take();
  cursor.take();
  if (word === 'end') {
    cursor.expect('close', '"}}"');
    return { kind, pipeline, body, otherwise: [] };
  }
  if (isBlock(nested) && nested !== 'range') {
    const { at: nestedAt } = cursor.take();
    return { kind, pipeline, body, otherwise: [parseBlock(cursor, nested, nestedAt)] };
  }
  cursor.expect('close', '"}}"');
  const otherwise = parseNodes(cursor);
  if (cursor.actionWords()[0] !== 'end') throw templateError(at, `{{${kind}}} has no {{end}}`);
  cursor.take();
  cursor.take();
  cursor.expect('close', '"}}"');
  return { kind, pipeline, body, otherwise };
}

/** Nodes up to `{{end}}`, `{{else}}` or the end of the template. */
function parseNodes(cursor: Cursor): Node[] {
  const nodes: Node[] = [];
  for (let token = cursor.peek(); token !== undefined; token = cursor.peek()) {
    const [word] = cursor.actionWords();
    if (word === 'end' || word === 'else') return nodes;
    cursor.take();
    if (token.kind === 'text') {
      nodes.push({ kind: 'text', text: token.text });
    } else if (isBlock(word)) {
      cursor.take();
      nodes.push(parseBlock(cursor, word, token.at));
    } else {
      nodes.push({ kind: 'output', pipeline: parsePipeline(cursor, false) });
      cursor.expect('close', '"}}" or "|"');
    }
  }
  return nodes;
}

/** Parses a whole template. Throws invalidArgument (BAD_TEMPLATE) with line and column. */
export function parseTemplate(source: string): readonly Node[] {
  const cursor = new Cursor(source);
  const nodes = parseNodes(cursor);
  const left = cursor.peek();
  if (left !== undefined) {
    throw templateError(
      left.at,
      `{{${cursor.actionWords()[0] ?? ''}}} without {{if}}, {{range}} or {{with}}`,
    );
  }
  return nodes;
}

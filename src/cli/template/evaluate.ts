import { functions, Misuse, type TemplateFunction } from './functions.js';
import type { Command, Node, Operand, Pipeline } from './syntax.js';
import { templateError, type Position } from './template-error.js';
import { isMap, isObject, isTrue, show } from './value.js';

export type Functions = Readonly<Record<string, TemplateFunction>>;

/** Variables in sight, innermost last. */
type Scope = readonly Map<string, unknown>[];

interface Frame {
  readonly dot: unknown;
  readonly scope: Scope;
  readonly functions: Functions;
  readonly write: (text: string) => void;
}

const nothing: unique symbol = Symbol('no argument');

function missingField(value: Readonly<Record<string, unknown>>, name: string, at: Position): Error {
  const known = Object.keys(value);
  const close = known.find((field) => field.toLowerCase() === name.toLowerCase());
  const hint = close === undefined ? `The fields are: ${known.join(', ')}.` : `Write .${close}.`;
  return templateError(at, `there is no field ${JSON.stringify(name)}`, hint);
}

function field(value: unknown, name: string, at: Position): unknown {
  if (value === null || value === undefined) {
    throw templateError(
      at,
      `cannot read the field ${JSON.stringify(name)} of nothing`,
      'Guard it with {{if}} or {{with}}.',
    );
  }
  if (!isObject(value))
    throw templateError(at, `${show(value)} has no field ${JSON.stringify(name)}`);
  if (Object.hasOwn(value, name)) return value[name];
  if (isMap(value)) return undefined;
  throw missingField(value, name, at);
}

function variable(frame: Frame, name: string, at: Position): unknown {
  const owner = frame.scope.findLast((level) => level.has(name));
  if (owner === undefined) throw templateError(at, `the variable $${name} is not defined`);
  return owner.get(name);
}

function call(run: () => unknown, at: Position): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof Misuse) throw templateError(at, error.message);
    throw error;
  }
}

function callFunction(frame: Frame, command: Command, piped: unknown): unknown {
  const [callee, ...operands] = command.operands;
  if (callee.kind !== 'function') throw templateError(command.at, 'this is not a function');
  const { name, at } = callee;
  if (name === 'and' || name === 'or') return callLogic(frame, command, piped);
  const implementation = Object.hasOwn(frame.functions, name) ? frame.functions[name] : undefined;
  if (implementation === undefined) {
    throw templateError(
      at,
      `there is no function ${JSON.stringify(name)}`,
      `The functions are: and, or, ${Object.keys(frame.functions).join(', ')}.`,
    );
  }
  const values = operands.map((operand) => evaluateOperand(frame, operand));
  if (piped !== nothing) values.push(piped);
  if (values.length === 0 && !name.startsWith('print'))
    throw templateError(at, `${name} needs a value`);
  return call(() => implementation(...values), at);
}

/** `and` gives its first false value, `or` its first true one; what is behind it is not evaluated. */
function callLogic(frame: Frame, command: Command, piped: unknown): unknown {
  const [callee, ...operands] = command.operands;
  const stopAt = callee.kind === 'function' && callee.name === 'or';
  let value: unknown = nothing;
  for (const operand of operands) {
    value = evaluateOperand(frame, operand);
    if (isTrue(value) === stopAt) return value;
  }
  if (piped !== nothing) value = piped;
  if (value === nothing) throw templateError(command.at, 'and and or need a value');
  return value;
}

function evaluateOperand(frame: Frame, operand: Operand): unknown {
  const follow = (start: unknown, fields: readonly string[], at: Position): unknown =>
    fields.reduce((value, name) => field(value, name, at), start);
  switch (operand.kind) {
    case 'literal':
      return operand.value;
    case 'dot':
      return follow(frame.dot, operand.fields, operand.at);
    case 'variable':
      return follow(variable(frame, operand.name, operand.at), operand.fields, operand.at);
    case 'group':
      return follow(evaluatePipeline(frame, operand.pipeline), operand.fields, operand.at);
    case 'function':
      return callFunction(frame, { operands: [operand], at: operand.at }, nothing);
  }
}

function evaluateCommand(frame: Frame, command: Command, piped: unknown): unknown {
  const [first, ...rest] = command.operands;
  if (first.kind === 'function') return callFunction(frame, command, piped);
  const value = evaluateOperand(frame, first);
  // A field may be a function of its own: docker's `{{.Label "key"}}`.
  if (typeof value === 'function') {
    const values = rest.map((operand) => evaluateOperand(frame, operand));
    if (piped !== nothing) values.push(piped);
    return call(() => (value as TemplateFunction)(...values), command.at);
  }
  if (rest.length > 0 || piped !== nothing) {
    throw templateError(command.at, 'a value that is not a function takes no arguments');
  }
  return value;
}

function setVariable(frame: Frame, pipeline: Pipeline, value: unknown): void {
  const [name] = pipeline.variables;
  if (name === undefined) return;
  if (!pipeline.assigns) {
    frame.scope.at(-1)?.set(name, value);
    return;
  }
  const owner = frame.scope.findLast((level) => level.has(name));
  if (owner === undefined) throw templateError(pipeline.at, `the variable $${name} is not defined`);
  owner.set(name, value);
}

function evaluatePipeline(frame: Frame, pipeline: Pipeline): unknown {
  let value: unknown = nothing;
  for (const command of pipeline.commands) value = evaluateCommand(frame, command, value);
  return value;
}

function inner(
  frame: Frame,
  dot: unknown,
  variables: readonly (readonly [string, unknown])[] = [],
): Frame {
  return { ...frame, dot, scope: [...frame.scope, new Map(variables)] };
}

function entries(value: unknown, at: Position): readonly (readonly [unknown, unknown])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item, index) => [index, item] as const);
  if (typeof value === 'number')
    return Array.from({ length: value }, (_, index) => [index, index] as const);
  if (isObject(value)) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  throw templateError(at, `cannot range over ${show(value)}`);
}

function executeRange(frame: Frame, node: Extract<Node, { kind: 'range' | 'if' | 'with' }>): void {
  const { variables, at } = node.pipeline;
  const items = entries(evaluatePipeline(frame, node.pipeline), at);
  if (items.length === 0) {
    execute(inner(frame, frame.dot), node.otherwise);
    return;
  }
  for (const [key, item] of items) {
    const values = variables.length === 2 ? [key, item] : [item];
    const named = variables.map((name, index) => [name, values[index]] as const);
    execute(inner(frame, item, named), node.body);
  }
}

function execute(frame: Frame, nodes: readonly Node[]): void {
  for (const node of nodes) {
    if (node.kind === 'text') {
      frame.write(node.text);
    } else if (node.kind === 'output') {
      const value = evaluatePipeline(frame, node.pipeline);
      if (node.pipeline.variables.length > 0) setVariable(frame, node.pipeline, value);
      else frame.write(show(value));
    } else if (node.kind === 'range') {
      executeRange(frame, node);
    } else {
      const block = inner(frame, frame.dot);
      const value = evaluatePipeline(block, node.pipeline);
      setVariable(block, node.pipeline, value);
      const dot = node.kind === 'with' && isTrue(value) ? value : frame.dot;
      execute({ ...block, dot }, isTrue(value) ? node.body : node.otherwise);
    }
  }
}

/** The text of a template for `data`. Throws invalidArgument (BAD_TEMPLATE) where it does not fit the data. */
export function evaluate(nodes: readonly Node[], data: unknown, extra: Functions = {}): string {
  const parts: string[] = [];
  const frame: Frame = {
    dot: data,
    scope: [new Map([['', data]])],
    functions: { ...functions, ...extra },
    write: (text) => parts.push(text),
  };
  execute(frame, nodes);
  return parts.join('');
}

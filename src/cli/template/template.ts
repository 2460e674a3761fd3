import { evaluate, type Functions } from './evaluate.js';
import { parseTemplate } from './parser.js';

/** Text for one value; `extra` functions replace built-in ones of the same name. */
export type Template = (data: unknown, extra?: Functions) => string;

/**
 * Docker's subset of Go's template language: fields, variables, pipelines, `if`, `range`, `with`, comments,
 * trimming, and the functions of functions.ts. Throws invalidArgument (BAD_TEMPLATE) with line and column.
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  return (data, extra) => evaluate(nodes, data, extra);
}

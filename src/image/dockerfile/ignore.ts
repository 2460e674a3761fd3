import { globExpression } from './glob.js';

/** Whether a path of the context (`a/b`, no leading slash) is left out of it. */
export type IgnoreRule = (path: string) => boolean;

interface Rule {
  readonly expression: RegExp;
  readonly keeps: boolean;
}

export interface IgnoreFile {
  readonly ignores: IgnoreRule;
  /** Some rule brings ignored paths back: an ignored directory must be looked into. */
  readonly hasExceptions: boolean;
}

/** Reads a `.dockerignore`: the last rule that fits a path, or a directory above it, decides. Throws Error. */
export function parseIgnore(content: string): IgnoreFile {
  const rules = content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(toRule)
    .filter((rule) => rule !== null);
  const ignores = (path: string): boolean => {
    const above = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
    let ignored = false;
    for (const { expression, keeps } of rules) {
      if (above.some((each) => expression.test(each))) ignored = !keeps;
    }
    return ignored;
  };
  return { ignores, hasExceptions: rules.some(({ keeps }) => keeps) };
}

function toRule(line: string): Rule | null {
  const keeps = line.startsWith('!');
  const parts = (keeps ? line.slice(1).trim() : line)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  const clean: string[] = [];
  for (const part of parts) {
    if (part === '..') clean.pop();
    else clean.push(part);
  }
  return clean.length === 0 ? null : { expression: globExpression(clean.join('/')), keeps };
}

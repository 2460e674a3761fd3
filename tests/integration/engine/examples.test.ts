import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as library from '../../../src/index.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

const page = readFileSync(join(import.meta.dirname, '../../../docs/library.md'), 'utf8');

interface Example {
  readonly name: string;
  readonly code: string;
  /** What its comments behind console.log promise. */
  readonly output: readonly string[];
}

const examples = [...page.matchAll(/```ts\n\/\/ example: (\S+)\n([\s\S]*?)```/g)].map(
  ([, name = '', code = '']): Example => ({
    name,
    code,
    output: [...code.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, text = '']) => text),
  }),
);

/** The body of an async function, in what Node 20 understands. */
function compiled(code: string): string {
  return ts.transpileModule(`async function example() {\n${code}\n}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  }).outputText;
}

describeAsRoot('the examples of docs/library.md', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(6);
  });

  test.each(examples)('$name does what it says', async ({ code, output }) => {
    const printed: string[] = [];
    const log = (...values: unknown[]): void => {
      printed.push(values.map((value) => String(value).trimEnd()).join(' '));
    };
    const Engine = {
      open: async () => await library.Engine.open(own.options),
    };
    const { dataRoot, runDir } = own.scope;
    const scope = { ...library, Engine, dataRoot, runDir, console: { log } };
    // The page's own text, not somebody's input.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const make = new Function(...Object.keys(scope), `${compiled(code)}\nreturn example;`);
    const example = (make as (...values: unknown[]) => () => Promise<void>)(
      ...Object.values(scope),
    );
    await example();
    expect(printed).toEqual(output);
  });
});

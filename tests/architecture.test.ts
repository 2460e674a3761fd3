import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '..');
const source = join(repository, 'src');

const lower = ['base', 'model', 'host'];
const concerns = ['spec', 'storage', 'image', 'network', 'records', 'cgroup', 'logs'];

/** Which folders of `src/` a folder may import from, besides itself. */
const allowedEdges: Readonly<Record<string, readonly string[]>> = {
  base: [],
  model: ['base'],
  host: ['base', 'model'],
  ...Object.fromEntries(concerns.map((concern) => [concern, lower])),
  engine: [...lower, ...concerns],
  api: [...lower, ...concerns, 'engine'],
  density: [...lower, ...concerns, 'engine'],
  cli: [...lower, ...concerns, 'engine', 'api', 'density'],
  'index.ts': ['base', 'model', 'engine'],
};

/** Which paths of `src/` may import a module that the rest must not touch. */
const restrictedModules: Readonly<Record<string, readonly string[]>> = {
  child_process: ['host/linux/', 'density/peers/'],
  commander: ['cli/'],
  'tar-fs': ['image/', 'storage/'],
  lmdb: ['records/'],
  dockerode: ['image/', 'density/peers/'],
};

const hardLineLimit = 500;

interface SourceFile {
  /** Below `src/`, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

function filesBelow(directory: string, extension: RegExp): SourceFile[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extension.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(source, path), text: readFileSync(path, 'utf8') }));
}

/** The folder of `src/` that a path belongs to; a file directly in `src/` stands for itself. */
function folderOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function importsOf(file: SourceFile): string[] {
  return ts.preProcessFile(file.text, true, true).importedFiles.map(({ fileName }) => fileName);
}

/** Imports of other folders, as `[target path below src]`. */
function internalImports(file: SourceFile): string[] {
  return importsOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(source, join(source, dirname(file.path), name)));
}

function forbiddenEdges(file: SourceFile): string[] {
  const from = folderOf(file.path);
  const allowed = allowedEdges[from];
  if (allowed === undefined) return [`${file.path}: src/${from} is not in the table of folders`];
  return internalImports(file)
    .filter((target) => folderOf(target) !== from && !allowed.includes(folderOf(target)))
    .map((target) => `${file.path} imports ${target}`);
}

function forbiddenModules(file: SourceFile): string[] {
  return importsOf(file).flatMap((name) => {
    const places = restrictedModules[name.replace(/^node:/, '')];
    if (places === undefined || places.some((place) => file.path.startsWith(place))) return [];
    return [`${file.path} imports ${name}`];
  });
}

/** Uses of the global `console`, and calls that end the process. */
function terminalUses(file: SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const use = `${node.expression.text}.${node.name.text}`;
      if (node.expression.text === 'console' || use === 'process.exit') {
        found.push(`${file.path} uses ${use}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023));
  return found;
}

const modules = filesBelow(source, /\.ts$/);

describe('the import table', () => {
  test('lets folders import only what is below them', () => {
    expect(modules.flatMap(forbiddenEdges)).toEqual([]);
  });

  test('keeps concerns apart from the implementations of the host port', () => {
    const edges = modules
      .filter((file) => concerns.includes(folderOf(file.path)))
      .flatMap((file) => internalImports(file).map((target) => `${file.path} imports ${target}`))
      .filter((edge) => /imports host\/(linux|fake)\//.test(edge));
    expect(edges).toEqual([]);
  });

  test('keeps some modules to the folders that own them', () => {
    expect(modules.flatMap(forbiddenModules)).toEqual([]);
  });

  test('keeps the terminal and the end of the process to the command line', () => {
    const rest = modules.filter((file) => folderOf(file.path) !== 'cli');
    expect(rest.flatMap(terminalUses)).toEqual([]);
  });

  test('sees the imports that it judges', () => {
    const file = {
      path: 'model/example.ts',
      text: [
        "import type { Engine } from '../engine/engine.js';",
        "export { run } from '../base/run.js';",
        "const { spawn } = await import('node:child_process');",
        'console.log(spawn); process.exit(1);',
      ].join('\n'),
    };
    expect(forbiddenEdges(file)).toEqual(['model/example.ts imports engine/engine.js']);
    expect(forbiddenModules(file)).toEqual(['model/example.ts imports node:child_process']);
    expect(terminalUses(file)).toEqual([
      'model/example.ts uses console.log',
      'model/example.ts uses process.exit',
    ]);
  });
});

describe('the size of files', () => {
  test(`stays below ${hardLineLimit} lines`, () => {
    const long = filesBelow(source, /\.(ts|c|h)$/)
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > hardLineLimit);
    expect(long).toEqual([]);
  });
});

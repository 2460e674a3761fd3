import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const repository = join(import.meta.dirname, '..', '..');

const sources = ['src', 'tests', 'bin'].flatMap((folder) =>
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|mjs|js)$/.test(name))
    .map((name) => join(repository, folder, name)),
);

/** What compiled code comes from; made by nothing but the compiler. */
function sourceOf(compiled: string): string {
  return join(repository, compiled.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts'));
}

function* namedFiles(path: string): Generator<string> {
  const text = readFileSync(path, 'utf8');
  for (const [, words = ''] of text.matchAll(
    /join\(\s*import\.meta\.dirname,\s*((?:'[^']*',?\s*)+)\)/g,
  )) {
    const parts = [...words.matchAll(/'([^']*)'/g)].map(([, part = '']) => part);
    if (!parts.includes('dist')) yield join(dirname(path), ...parts);
  }
  for (const [, compiled = ''] of text.matchAll(/['"/](dist\/[\w/-]+\.js)['"]/g))
    yield sourceOf(compiled);
}

// A benchmark that nothing runs, or what an earlier build left in dist, would hide that a file was moved.
test('files that code names by a path are there', () => {
  const missing = sources.flatMap((path) =>
    [...namedFiles(path)]
      .filter((named) => !existsSync(named))
      .map((named) => `${relative(repository, path)}: ${relative(repository, named)}`),
  );
  expect(missing).toEqual([]);
});

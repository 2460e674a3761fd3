import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '..', '..');

interface PackedFile {
  readonly path: string;
  readonly mode: number;
}

function packedFiles(): Map<string, number> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const stdout = execFileSync('npm', args, {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [packed] = JSON.parse(stdout) as { files: PackedFile[] }[];
  return new Map(packed?.files.map(({ path, mode }) => [path, mode & 0o777]));
}

describe('the published package', () => {
  let files: Map<string, number>;
  beforeAll(() => {
    files = packedFiles();
  });

  test('carries the programs of every architecture that was built, and they may be executed', () => {
    const architectures = readdirSync(join(repository, 'dist', 'native'));
    expect(architectures).toContain(`linux-${process.arch}`);
    for (const architecture of architectures) {
      for (const program of ['warren-keeper', 'warren-init', 'warren-files']) {
        const path = `dist/native/${architecture}/${program}`;
        expect(files.get(path)?.toString(8), path).toBe('755');
      }
    }
    expect(files.get('bin/warren.js')?.toString(8)).toBe('755');
  });

  test('carries what the program, the library, the recipes and a build of the keeper need', () => {
    for (const path of [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin/package.json',
      'dist/program/main.cjs',
      'dist/program/main.cjs.code',
      'dist/start/start.cjs',
      'dist/index.d.ts',
      'dist/index.js',
      'docs/systemd/warren-boot.service',
      'images/tiny/recipe.json',
      'src/keeper/Makefile',
      'src/keeper/main.c',
      'src/keeper/protocol.h',
    ])
      expect(files.has(path), path).toBe(true);
  });

  test('carries no tests, no sanitized build and no install script', () => {
    const unwanted = [...files.keys()].filter((path) => /^(tests|build)\/|\/asan\//.test(path));
    expect(unwanted).toEqual([]);
    const read = ['pkg', 'get', 'scripts'];
    const scripts = JSON.parse(
      execFileSync('npm', read, { cwd: repository, encoding: 'utf8' }),
    ) as object;
    for (const name of ['preinstall', 'install', 'postinstall']) {
      expect(scripts).not.toHaveProperty(name);
    }
  });
});

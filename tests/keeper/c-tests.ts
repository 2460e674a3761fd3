import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';

const keeper = join(import.meta.dirname, '..', '..', 'src', 'keeper');
const sources = join(import.meta.dirname, 'c');

/** All C files of a folder of the keeper. */
export function folder(name: string): string[] {
  return readdirSync(join(keeper, name))
    .filter((file) => file.endsWith('.c'))
    .map((file) => join(keeper, name, file));
}

/** One C file of the keeper. */
export function file(name: string): string {
  return join(keeper, name);
}

/**
 * Builds a C test program with address and undefined-behaviour checks from `tests/keeper/c/<name>-test.c` and
 * the given sources, and declares one test for each of the sentences that it lists.
 */
export function cTests(name: string, others: readonly string[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'warren-keeper-test-'));
  const program = join(directory, name);
  const checks = [
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover=undefined',
    '-fno-omit-frame-pointer',
  ];
  const flags = [
    '-std=gnu11',
    '-D_GNU_SOURCE',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wno-format-truncation',
    '-g',
    '-O1',
  ];
  execFileSync('gcc', [
    ...flags,
    ...checks,
    '-o',
    program,
    join(sources, `${name}-test.c`),
    ...others,
    '-lutil',
  ]);
  const sentences = execFileSync(program, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  test.each(sentences)('%s', (sentence) => {
    execFileSync(program, [sentence], { stdio: ['ignore', 'inherit', 'pipe'] });
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
}

/** What the tests of streams need around them. */
export function harness(): string[] {
  return [
    join(sources, 'harness.c'),
    join(sources, 'scenario.c'),
    file('keeper/loop.c'),
    ...folder('stdio'),
    ...folder('base'),
  ];
}

/** A C file of the tests themselves. */
export function support(name: string): string {
  return join(sources, name);
}

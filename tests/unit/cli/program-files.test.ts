import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProgramFiles } from '../../../src/cli/start/program-files.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warren-program-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, content: string | Buffer): void {
  writeFileSync(join(directory, name), content);
}

function open(): ProgramFiles {
  return new ProgramFiles(directory, createRequire(join(directory, 'main.cjs')));
}

/** Runs the program, and keeps its code as the build does. */
function keepCode(): readonly string[] {
  const files = open();
  files.load('main.cjs');
  const code = files.code();
  for (const [name, bytes] of code) write(name, bytes);
  return [...code.keys()];
}

describe('the files of the program', () => {
  test('load each other once, in circles too, and what Node and npm have', () => {
    write(
      'main.cjs',
      'exports.early = 1; exports.other = require("./other.cjs"); exports.path = require("node:path").sep;',
    );
    write(
      'other.cjs',
      'exports.early = require("./main.cjs").early; exports.where = [__filename, __dirname];',
    );
    const main = {
      early: 1,
      other: { early: 1, where: [join(directory, 'other.cjs'), directory] },
      path: '/',
    };
    expect(open().load('main.cjs')).toEqual(main);
    expect(keepCode()).toEqual(['main.cjs.code', 'other.cjs.code']);
    expect(open().load('main.cjs')).toEqual(main);
  });

  test('run as they are now, also when their code was kept of another source as long', () => {
    write('main.cjs', 'exports.answer = () => "one";');
    keepCode();
    write('main.cjs', 'exports.answer = () => "two";');
    expect((open().load('main.cjs') as { answer: () => string }).answer()).toBe('two');
  });

  test('run without code that V8 does not take, and name the line of an error', () => {
    write('main.cjs', 'exports.fail = () => {\n  throw new Error("no");\n};');
    const [name = ''] = keepCode();
    for (const damaged of [Buffer.alloc(0), Buffer.from('abc'), Buffer.alloc(4096, 7)]) {
      write(name, damaged);
      const { fail } = open().load('main.cjs') as { fail: () => void };
      expect(fail).toThrow('no');
    }
    const { fail } = open().load('main.cjs') as { fail: () => void };
    let stack = '';
    try {
      fail();
    } catch (error) {
      stack = (error as Error).stack ?? '';
    }
    expect(stack).toContain(`${join(directory, 'main.cjs')}:2:9`);
  });
});

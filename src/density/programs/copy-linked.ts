import { mkdirSync } from 'node:fs';
import { runProgram } from '../peers/tools/program.js';

/** Copies a tree with owners, modes and extended attributes; files are hard links to the originals. */
export async function copyLinked(source: string, intoDirectory: string): Promise<void> {
  mkdirSync(intoDirectory, { recursive: true, mode: 0o700 });
  await runProgram('cp', ['--archive', '--link', source, intoDirectory]);
}

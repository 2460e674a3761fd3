import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import type { BindMount, ContainerConfig } from '../../../src/model/container-config.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';

const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', '-static'];

/** An engine with busybox, and the programs of `fixtures/` for its containers. */
export interface Isolation extends TestEngine {
  /** A directory for what a test shares with containers. */
  readonly shared: string;
  /** A busybox container that sleeps, with the programs at /hostile. */
  start(config?: Partial<ContainerConfig>): Promise<ContainerHandle>;
}

export async function openIsolation(...programs: readonly string[]): Promise<Isolation> {
  const own = await openTestEngine();
  const directory = join(own.scope.directory, 'hostile');
  const shared = join(own.scope.directory, 'shared');
  for (const path of [directory, shared]) mkdirSync(path);
  for (const name of programs) {
    const source = join(import.meta.dirname, 'fixtures', `${name}.c`);
    execFileSync('gcc', [...flags, '-o', join(directory, name), source], { stdio: 'inherit' });
    chmodSync(join(directory, name), 0o755);
  }
  await own.engine.images.buildBase('busybox');
  const mount: BindMount = { type: 'bind', source: directory, target: '/hostile', readOnly: true };
  return {
    ...own,
    shared,
    start: async (config = {}) =>
      own.engine.run({
        image: 'busybox',
        command: ['sleep', '1000'],
        stopTimeoutMs: 0,
        ...config,
        mounts: [mount, ...(config.mounts ?? [])],
      }),
  };
}

/** Both outputs of a shell command in a container; what it exits with does not matter. */
export async function shell(container: ContainerHandle, command: string): Promise<string> {
  const { stdout, stderr } = await container.exec(['sh', '-c', `exec 2>&1; ${command}`]);
  return stdout + stderr;
}

/** Output of a command that must succeed. */
export async function output(
  container: ContainerHandle,
  command: readonly string[],
  user = '0',
): Promise<string> {
  const result = await container.exec(command, { user });
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  return result.stdout;
}

/** `Name:\tvalue` lines of /proc/PID/status as an object. */
export function statusFields(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
}

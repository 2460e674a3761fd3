import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '../../../src/base/ids.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('what no record explains', () => {
  let own: TestEngine;
  let id: string;

  beforeAll(async () => {
    own = await openTestEngine();
    // The directories of the run dir are the keeper's.
    await (await own.engine.run({ image: 'tiny', command: ['true'] })).remove({ force: true });
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    id = newId();
  });

  /** It is found, found again while nobody fixes it, fixed, and then gone. */
  async function expectFoundAndFixed(kind: string, object: unknown, path: string): Promise<void> {
    const { system } = own.engine;
    const leak = { kind, object, why: expect.any(String) as string };
    expect(await system.leaks({ fix: false })).toEqual([{ ...leak, fixed: false }]);
    expect(await system.leaks({ fix: true })).toEqual([{ ...leak, fixed: true }]);
    expect(await system.leaks({ fix: false })).toEqual([]);
    expect(existsSync(path)).toBe(false);
  }

  test('a FIFO in the run dir', async () => {
    const path = join(own.scope.runDir, 'io', `${id}.out`);
    execFileSync('mkfifo', [path]);
    await expectFoundAndFixed('fifo', path, path);
  });

  test('a stored plan', async () => {
    const path = join(own.scope.runDir, 'plans', id);
    mkdirSync(join(own.scope.runDir, 'plans'), { recursive: true });
    writeFileSync(path, '');
    await expectFoundAndFixed('fifo', path, path);
  });

  test('a directory of a container', async () => {
    const path = join(own.scope.dataRoot, 'containers', id);
    mkdirSync(join(path, 'upper', 'a'), { recursive: true });
    await expectFoundAndFixed('directory', path, path);
  });

  test('a directory of a volume', async () => {
    const path = join(own.scope.dataRoot, 'volumes', 'nobodys');
    mkdirSync(join(path, 'data'), { recursive: true });
    await expectFoundAndFixed('volume', path, path);
  });

  test.each(['', 'containers-0-01234567'])(
    'a control group, below the parent %s',
    async (group) => {
      const unified = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) =>
        existsSync(join(path, 'cgroup.controllers')),
      );
      const path = join(unified ?? '', own.scope.cgroupParent, group, id);
      mkdirSync(path, { recursive: true });
      await expectFoundAndFixed('cgroup', expect.stringContaining(id), path);
    },
  );
});

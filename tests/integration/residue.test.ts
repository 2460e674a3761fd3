import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createCgroupFiles } from '../../src/host/linux/cgroup-files.js';
import { describeAsRoot } from '../privileges.js';
import { removeRunDirectories, residueAfter, takeSnapshot } from '../residue.js';
import { runDirectory } from '../scope.js';

describeAsRoot('the residue check', () => {
  const scope = { prefix: `wrnr${process.pid}`, wholeMachine: false };
  const directory = runDirectory(scope.prefix);

  test('sees what is left of its own and nothing once it is gone', async () => {
    mkdirSync(directory);
    const before = takeSnapshot(scope);
    const cgroup = { hierarchy: 0, path: `${scope.prefix}/left` };
    const files = createCgroupFiles();
    files.make(cgroup);
    writeFileSync(join(directory, 'left'), '');
    const child = spawn('sleep', ['600'], { cwd: directory, stdio: 'ignore' });
    await once(child, 'spawn');

    const residue = await residueAfter({ before, scope, settleMs: 0 });
    expect(residue).toEqual([
      expect.stringMatching(new RegExp(`^cgroup .*/${cgroup.path}$`)),
      `file ${directory}/left`,
      `process ${child.pid} (sleep)`,
    ]);

    child.kill('SIGKILL');
    await once(child, 'exit');
    files.remove(cgroup);
    rmSync(join(directory, 'left'));
    expect(await residueAfter({ before, scope, settleMs: 5000 })).toEqual([]);
    removeRunDirectories(scope.prefix);
    expect(existsSync(directory)).toBe(false);
  });

  test('waits for what goes by itself', async () => {
    mkdirSync(directory);
    const before = takeSnapshot(scope);
    const child = spawn('sleep', ['0.3'], { cwd: directory, stdio: 'ignore' });
    await once(child, 'spawn');
    expect(await residueAfter({ before, scope, settleMs: 10_000 })).toEqual([]);
    rmdirSync(directory);
  });
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { killKeeper, killKeeperAndHolder } from '../../faults/fixtures/keeper-processes.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot, kernelIsAtLeast } from '../../privileges.js';

const mebibyte = 2 ** 20;

describeAsRoot('containers whose keeper was killed', () => {
  let own: TestEngine;
  let container: ContainerHandle;
  beforeEach(async () => {
    own = await openTestEngine();
    container = await own.engine.run({
      image: 'tiny',
      command: ['pause'],
      resources: { memoryBytes: 16 * mebibyte, pidsLimit: 8 },
    });
  });
  afterEach(async () => {
    await own[Symbol.asyncDispose]();
  });

  /** Everything that the next keeper has to find again. */
  async function expectKept(pid: number, codes: readonly (number | null)[]): Promise<void> {
    expect(await container.state()).toMatchObject({ status: 'running', pid });
    expect((await container.exec(['echo', 'here'])).stdout).toBe('here\n');
    await container.update({ resources: { pidsLimit: 9 } });
    expect((await container.stats()).pids?.limit).toBe(9);
    const eater = await container.exec(['eat-memory', '32m']);
    expect(eater).toMatchObject({ signal: 'SIGKILL', oomKilled: true });
    await container.pause();
    await container.unpause();
    const exit = await container.stop({ timeoutMs: 0 });
    expect(exit).toMatchObject({ reason: 'stop' });
    expect(codes).toContain(exit?.code);
    await container.remove();
    expect(await own.engine.system.leaks({ fix: false })).toEqual([]);
  }

  test('are those of the next one', async () => {
    const { pid } = await container.state();
    await killKeeper(own.scope);
    await expectKept(pid, [137]);
  });

  test('are adopted when its holder was killed, too', async () => {
    const { pid } = await container.state();
    await killKeeperAndHolder(own.scope);
    // Since 6.15 a pidfd tells how a process ended that is nobody's child here; before, it is unknown or true.
    await expectKept(pid, kernelIsAtLeast(6, 15) ? [137] : [137, null]);
  });
});

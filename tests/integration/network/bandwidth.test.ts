import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { eventually } from '../../faults/fixtures/eventually.js';
import { describeAsRoot } from '../../privileges.js';
import { addressOf, endpointOf } from './rig/reach.js';

const program = join(import.meta.dirname, 'rig', 'flow.mjs');
const rate = 2 * 2 ** 20;
/** Past the bucket, and then four seconds of the limit. */
const skipped = rate / 2;
const measured = 4 * rate;

async function inside(container: ContainerHandle): Promise<string> {
  return `--net=/proc/${(await container.state()).pid}/ns/net`;
}

/** Bytes per second that arrive. */
async function flow(from: ContainerHandle, to: ContainerHandle, bytes: number): Promise<number> {
  const address = await addressOf(to);
  const receive = [process.execPath, program, 'receive', address, `${skipped}`, `${bytes}`];
  const receiver = spawn('timeout', ['25', 'nsenter', await inside(to), ...receive], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
  const port = String((await lines.next()).value);
  const send = [await inside(from), process.execPath, program, 'send', address, port];
  const sender = execFile('nsenter', send);
  const result = Number((await lines.next()).value);
  sender.kill('SIGKILL');
  await Promise.all([once(sender, 'exit'), once(receiver, 'exit')]);
  return result;
}

describeAsRoot('bandwidth', () => {
  let rig: TestEngine;

  beforeAll(async () => {
    rig = await openTestEngine();
    await rig.engine.images.buildBase('tiny');
  }, 60_000);

  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  }, 60_000);

  const idle = (more: Partial<ContainerConfig> = {}): ContainerConfig => ({
    image: 'tiny',
    command: ['sleep', '1000'],
    network: 'default',
    ...more,
  });

  const linksOfRouter = (): string =>
    execFileSync(
      'nsenter',
      [`--net=${join(rig.scope.runDir, 'net', 'router')}`, 'ip', '-o', 'link'],
      { encoding: 'utf8' },
    );

  test('a limit holds in both directions, is counted, and changes while the container runs', async () => {
    await using free = await rig.engine.run(idle());
    await using slow = await rig.engine.run(
      idle({ netRates: { inBytesPerSecond: rate, outBytesPerSecond: rate } }),
    );
    const goesIn = await flow(free, slow, measured);
    const comesOut = await flow(slow, free, measured);
    for (const found of [goesIn, comesOut]) {
      expect(found).toBeGreaterThan(0.9 * rate);
      expect(found).toBeLessThan(1.1 * rate);
    }
    const limits = (await slow.stats()).networks?.['eth0']?.limits;
    for (const limit of [limits?.in, limits?.out]) {
      expect(limit).toMatchObject({ bytesPerSecond: rate });
      expect(limit?.bytes).toBeGreaterThan(measured);
      expect(limit?.timesHeldUp).toBeGreaterThan(0);
    }
    const rows = (await slow.limits()).filter(({ resource }) => resource.startsWith('network'));
    expect(rows.map(({ resource, limit }) => [resource, limit])).toEqual([
      ['network in eth0', rate],
      ['network out eth0', rate],
    ]);

    await slow.update({ netRates: { inBytesPerSecond: 4 * rate, outBytesPerSecond: 0 } });
    const faster = await flow(free, slow, measured);
    expect(faster).toBeGreaterThan(0.9 * 4 * rate);
    expect(faster).toBeLessThan(1.1 * 4 * rate);
    expect(await flow(slow, free, measured)).toBeGreaterThan(8 * rate);
    expect((await slow.inspect()).record.spec.networking.rates.inBytesPerSecond).toBe(4 * rate);
  }, 60_000);

  test('a limit is there after a restart, and nothing of it after the container', async () => {
    const early = await rig.engine.run(idle({ netRates: { outBytesPerSecond: rate } }));
    const late = await rig.engine.run(idle());
    await late.update({ netRates: { outBytesPerSecond: rate } });
    await early.restart({ timeoutMs: 0 });
    for (const container of [early, late]) {
      const { slot } = await endpointOf(container);
      expect(linksOfRouter()).toContain(` r${slot}:`);
      expect(await flow(container, container === early ? late : early, measured / 2)).toBeLessThan(
        1.1 * rate,
      );
    }
    await early.remove({ force: true });
    await late.remove({ force: true });
    await eventually('the links of limits are freed', () => !/ r\d+:/.test(linksOfRouter()));
  }, 60_000);

  test('a limit on a bridge holds; one where there is no link to limit is refused', async () => {
    await rig.engine.networks.create({ name: 'flat', driver: 'bridge' });
    await using free = await rig.engine.run(idle({ network: 'flat' }));
    await using slow = await rig.engine.run(
      idle({ network: 'flat', netRates: { inBytesPerSecond: rate, outBytesPerSecond: rate } }),
    );
    expect(await flow(free, slow, measured / 2)).toBeLessThan(1.1 * rate);
    expect(await flow(slow, free, measured / 2)).toBeLessThan(1.1 * rate);
    await expect(
      rig.engine.run(idle({ network: 'none', netRates: { inBytesPerSecond: rate } })),
    ).rejects.toThrow('Invalid netRates: has no effect with network none');
  }, 60_000);
});

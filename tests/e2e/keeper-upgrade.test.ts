import { afterEach, beforeEach, expect, test } from 'vitest';
import { keeperProcesses } from '../faults/fixtures/keeper-processes.js';
import { TestCli } from '../fixtures/cli.js';
import { describeAsRoot } from '../privileges.js';

describeAsRoot('warren keeper upgrade', () => {
  let cli: TestCli;
  beforeEach(() => {
    cli = new TestCli();
  });
  afterEach(async () => {
    await cli[Symbol.asyncDispose]();
  });

  async function status(name: string): Promise<string> {
    return await cli.output('ps', '-a', '--filter', `name=${name}`, '--format', '{{.Status}}');
  }

  test('terminals, logs, health checks and leases go on', async () => {
    await cli.output('run', '-dit', '--name', 'shell', 'busybox', 'sh');
    await using first = cli.terminal(['attach', 'shell']);
    first.send('x=kept\r');
    await first.until('x=kept');
    const count = 'i=0; while true; do i=$((i+1)); echo "line $i"; usleep 20000; done';
    await cli.output('run', '-d', '--name', 'ticker', 'busybox', 'sh', '-c', count);
    const followed = cli.start(['logs', '-f', 'ticker']);
    await followed.shows('line 10\n');
    const health = ['--health-cmd', '! test -e /sick', '--health-interval', '100ms'];
    const retries = ['--health-retries', '2'];
    await cli.output(
      'run',
      '-d',
      '--name',
      'well',
      ...health,
      ...retries,
      'busybox',
      'sleep',
      '600',
    );
    await expect.poll(() => status('well'), { timeout: 20_000 }).toContain('(healthy)');
    await cli.output('run', '-d', '--name', 'leased', '--ttl', '4s', 'tiny', 'pause');

    const before = keeperProcesses(cli.scope);
    await cli.output('keeper', 'upgrade');
    expect(keeperProcesses(cli.scope)).toMatchObject({
      holder: before.holder,
      keeper: before.keeper,
    });
    expect(await status('leased')).toMatch(/^Up/);

    // Whoever is connected is told, and comes back.
    await first.until('the connection to the keeper has ended');
    expect(await first.exit()).toBe(1);
    await using second = cli.terminal(['attach', 'shell']);
    second.send('echo is $x\r');
    await second.until('is kept\r\n');
    await followed.shows('line 150\n');
    await cli.output('rm', '-f', 'ticker');
    const { code, stdout } = await followed.result;
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toEqual(lines.map((_, index) => `line ${index + 1}`));
    await cli.output('exec', 'well', 'touch', '/sick');
    await expect.poll(() => status('well'), { timeout: 20_000 }).toContain('(unhealthy)');
    expect(await cli.output('wait', 'leased')).toBe('137');
  });
});

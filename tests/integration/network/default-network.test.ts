import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../../fixtures/cli.js';
import { addresses, OwnNetwork } from '../../fixtures/network/own-network.js';
import { describeAsRoot } from '../../privileges.js';

describeAsRoot('a container that names no network', () => {
  let network: OwnNetwork;
  let cli: TestCli;

  beforeAll(async () => {
    network = new OwnNetwork();
    cli = new TestCli(network.enter);
    await cli.output('image', 'build-base', 'tiny');
  }, 60_000);

  afterEach(async () => {
    await cli.clear();
    await cli.output('keeper', 'stop');
  });

  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    network[Symbol.dispose]();
  }, 60_000);

  const pidOf = async (name: string): Promise<number> =>
    Number(await cli.output('inspect', '-f', '{{.State.Pid}}', name));

  test('has a link of the default network, is reached and reaches the outside', async () => {
    await cli.output('run', '-d', '--name', 'web', '--hostname', 'web', 'tiny', 'httpd');
    expect(await cli.output('inspect', '-f', '{{.HostConfig.NetworkMode}}', 'web')).toBe('default');
    const address = await cli.output(
      'inspect',
      '-f',
      '{{.NetworkSettings.Networks.default.IPAddress}}',
      'web',
    );
    const top = await cli.output(
      ...['inspect', '-f'],
      '{{with .NetworkSettings}}{{.IPAddress}} {{.IPPrefixLen}} {{eq .Gateway .Networks.default.Gateway}} {{eq .MacAddress .Networks.default.MacAddress}} [{{.GlobalIPv6Address}}]{{end}}',
      'web',
    );
    expect(top).toMatch(new RegExp(`^${address} \\d+ true true \\[\\]$`));
    expect(await network.ask('host', address, 8080)).toContain('web');
    expect(await network.ask(await pidOf('web'), addresses.outside.ipv4, 8099)).toBe(
      'none ECONNREFUSED',
    );
    expect(await network.ask('outside', address, 8080)).toMatch(/^none/);
  });

  test('has only lo where the engine is told so', async () => {
    const env = { WARREN_DEFAULT_NETWORK: 'none' };
    await cli.run(['run', '-d', '--name', 'alone', 'tiny', 'pause'], { env });
    const namespace = `--net=/proc/${await pidOf('alone')}/ns/net`;
    expect(network.run('host', 'nsenter', namespace, 'ip', '-br', 'link')).not.toContain('eth0');
    expect(network.run('host', 'ip', '-br', 'link')).not.toContain('wrn');
  });

  test('is refused without nftables, which says so, and none and the demo do without', async () => {
    // nft(8) is in the directories that only root has in PATH.
    const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    const refused = await cli.run(['run', '--rm', 'tiny', 'true'], { env });
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('apt-get install nftables');
    expect(refused.stderr).toContain('--network none');
    const none = await cli.run(['run', '--rm', '--network', 'none', 'tiny', 'true'], { env });
    expect(none.code).toBe(0);
    const demo = await cli.run(['demo', '--count', '5'], { env });
    expect(demo.stderr).toBe('');
    expect(demo.stdout).toMatch(/Left behind +nothing/);
    expect((await cli.run(['keeper', 'stop'], { env })).code).toBe(0);
    await cli.output('run', '--rm', 'tiny', 'true');
  });
});

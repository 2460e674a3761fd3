import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { routerPath, uplinkOf } from '../../../src/network/router.js';
import { TestCli } from '../../fixtures/cli.js';
import { addresses, OwnNetwork } from '../../fixtures/network/own-network.js';
import { describeAsRoot } from '../../privileges.js';

const dropping = `table ip filter {
  chain FORWARD { type filter hook forward priority filter; policy drop; }
}
`;

describeAsRoot('what networks change of the host', () => {
  let network: OwnNetwork;
  let cli: TestCli;

  beforeAll(async () => {
    network = new OwnNetwork();
    cli = new TestCli(network.enter);
    await cli.output('image', 'build-base', 'tiny');
  }, 60_000);

  afterEach(async () => {
    await cli.clear();
    await cli.output('keeper', 'stop', '--force');
    network.run('host', 'nft', 'flush', 'ruleset');
  });

  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    network[Symbol.dispose]();
  }, 60_000);

  const run = async (name: string, ...flags: readonly string[]): Promise<string> =>
    cli.output('run', '-d', '--name', name, '--network', 'default', ...flags, 'tiny', 'httpd');

  const pidOf = async (name: string): Promise<number> =>
    Number(await cli.output('inspect', '-f', '{{.State.Pid}}', name));

  test('are settings that doctor lists and that come back with the end of the last data root', async () => {
    await run('web');
    await using second = new TestCli(network.enter);
    await second.output('image', 'build-base', 'tiny');
    await second.output('run', '-d', '--network', 'default', 'tiny', 'pause');
    expect((await cli.run(['doctor'])).stdout).toMatch(
      /net\.ipv4\.ip_forward +1: warren changed it from 0/,
    );
    await cli.clear();
    await cli.output('keeper', 'stop');
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('1');
    await second.clear();
    await second.output('keeper', 'stop');
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('0');
  });

  test('come back with the last network that leads outside', async () => {
    await cli.output('network', 'create', '--ipv6', 'six');
    network.run('host', 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=1');
    await cli.output('run', '-d', '--name', 'web', '--network', 'six', 'tiny', 'pause');
    expect(network.sysctl('net.ipv6.conf.all.forwarding')).toBe('1');
    expect(network.sysctl('net.ipv6.conf.eth0.accept_ra')).toBe('2');
    await cli.output('rm', '-f', 'web');
    await cli.output('network', 'rm', 'six', 'default');
    expect(network.sysctl('net.ipv6.conf.all.forwarding')).toBe('0');
    expect(network.sysctl('net.ipv6.conf.eth0.accept_ra')).toBe('1');
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('0');
  });

  test('is nothing of an engine that is told to leave the host alone', async () => {
    const env = { WARREN_HOST_NAT: '0' };
    const { code } = await cli.run(
      ['run', '-d', '--name', 'web', '--network', 'default', 'tiny', 'httpd'],
      { env },
    );
    expect(code).toBe(0);
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('0');
    expect(network.run('host', 'nft', 'list', 'tables')).toBe('');
  });

  test('a firewall that drops is named, and passed by a marked rule when it is tuned', async () => {
    network.nft(dropping);
    const refused = await cli.run(['run', '--network', 'default', 'tiny', 'true']);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('policy drop of chain FORWARD in table ip filter');
    expect(refused.stderr).toContain('warren doctor --tune');
    const again = await cli.run(['run', '--network', 'default', 'tiny', 'true']);
    expect(again.code).toBe(125);
    const tuned = await cli.run(['doctor', '--tune']);
    expect(tuned.stderr).toContain('chain ip filter FORWARD');
    expect(tuned.stdout).toMatch(/firewall for forwarded packets +lets them pass/);
    await run('web');
    expect(await network.ask(await pidOf('web'), addresses.outside.ipv4, 8099)).toBe(
      'none ECONNREFUSED',
    );
    const { name } = uplinkOf(cli.scope.dataRoot);
    expect(network.run('host', 'nft', 'list', 'table', 'ip', 'filter')).toContain(`warren ${name}`);
    await cli.clear();
    await cli.output('keeper', 'stop');
    const left = network.run('host', 'nft', 'list', 'table', 'ip', 'filter');
    expect(left).toContain('policy drop');
    expect(left).not.toContain(name);
  });

  test('a table that nft will not remove is an error of keeper stop that says what to do', async () => {
    await run('web');
    const { name } = uplinkOf(cli.scope.dataRoot);
    const directory = join(cli.scope.directory, 'refusing');
    mkdirSync(directory);
    const refusing = `case "$*" in *'delete table'*) echo 'Error: it is busy' >&2; exit 1;; esac`;
    const program = `#!/bin/sh\n${refusing}\nexec /usr/sbin/nft "$@"\n`;
    writeFileSync(join(directory, 'nft'), program, { mode: 0o755 });
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}` };
    const { code, stderr } = await cli.run(['keeper', 'stop', '--force'], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `Cannot remove the host’s table ${name} of nftables: Error: it is busy`,
    );
    expect(stderr).toContain(`nft 'delete table inet ${name}'`);
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('0');
    // The link goes with the router's namespace, which the kernel ends in its own time.
    await expect.poll(() => network.run('host', 'ip', '-br', 'link')).not.toContain(name);
    expect((await cli.run(['doctor', '--leaks', '--fix'])).stdout).toContain(`inet ${name}`);
    expect(network.run('host', 'nft', 'list', 'tables')).toBe('');
  });

  test('a firewall that rejects the rest is named too, one that lets packets of our link pass is not', async () => {
    const { name } = uplinkOf(cli.scope.dataRoot);
    const chain = 'type filter hook forward priority filter; policy accept;';
    network.nft(`table inet other {
  chain filter_FORWARD { ${chain} ct state established accept; reject with icmpx admin-prohibited; }
}
`);
    const refused = await cli.run(['run', '--network', 'default', 'tiny', 'true']);
    expect(refused.stderr).toContain('the rule reject of chain filter_FORWARD in table inet other');
    network.nft(`insert rule inet other filter_FORWARD iifname "${name}" accept\n`);
    await run('web');
    expect(network.run('host', 'nft', 'list', 'tables')).toContain('inet other');
  });

  test('nothing drops for an internal network', async () => {
    network.nft(dropping);
    await cli.output('network', 'create', '--internal', 'inside');
    await cli.output('run', '-d', '--network', 'inside', 'tiny', 'pause');
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('0');
  });

  test('links and elements that nothing explains are leaks, and removed', async () => {
    await run('web', '-p', '8000:8080');
    const { name } = uplinkOf(cli.scope.dataRoot);
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
    network.nft(`add element inet ${name} published_any4 { tcp . 9000 : 10.208.77.7 . 80 }\n`);
    const inside = ['nsenter', `--net=${join(cli.scope.runDir, routerPath)}`];
    const inRouter = (...command: readonly string[]): string =>
      execFileSync(inside[0] ?? '', [...inside.slice(1), ...command], { encoding: 'utf8' });
    inRouter('ip', 'link', 'add', 'c77', 'index', '4173', 'type', 'veth', 'peer', 'name', 'x77');
    inRouter('nft', 'add', 'element', 'inet', 'warren', 'source4', '{ c77 . 10.208.77.7 : 1 }');
    const found = await cli.run(['doctor', '--leaks']);
    expect(found.code).toBe(1);
    expect(found.stdout).toContain('published_any4 { 6 . 9000 }');
    expect(found.stdout).toContain('source4 { 4173 . 10.208.77.7 }');
    expect(found.stdout).toContain(`c77 in ${routerPath}`);
    expect((await cli.run(['doctor', '--leaks', '--fix'])).code).toBe(0);
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
    expect(inRouter('ip', 'link')).not.toContain('c77');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('hostname');
  });

  test('a link and a table without their router are leaks, and removed', async () => {
    const { name, index } = uplinkOf(cli.scope.dataRoot);
    await run('web', '-p', '8000:8080');
    await cli.clear();
    execFileSync('umount', [join(cli.scope.runDir, routerPath)]);
    // The resolver's sockets keep the namespace for a while, and so its link.
    network.ip('host', 'link', 'delete', name);
    network.ip(
      'host',
      'link',
      'add',
      name,
      'index',
      `${index}`,
      'type',
      'veth',
      'peer',
      'name',
      'x77',
    );
    const found = await cli.run(['doctor', '--leaks']);
    expect(found.stdout).toContain('its router is gone');
    expect(found.stdout).toContain('no router has this table');
    await cli.run(['doctor', '--leaks', '--fix']);
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
    expect(network.run('host', 'nft', 'list', 'tables')).toBe('');
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { uplinkOf } from '../../../src/network/router.js';
import { TestCli } from '../../fixtures/cli.js';
import { addresses, OwnNetwork } from '../../fixtures/network/own-network.js';
import { describeAsRoot } from '../../privileges.js';

/** Moments at which a command is killed: from its start to a little after its usual end. */
const moments = Array.from({ length: 5 }, (_, index) => 60 + index * 90);

describeAsRoot('published ports and networks after kill -9', () => {
  let network: OwnNetwork;
  let cli: TestCli;

  beforeAll(async () => {
    network = new OwnNetwork();
    cli = new TestCli(network.enter);
    await cli.output('image', 'build-base', 'tiny');
    await cli.output('run', '--rm', '--network', 'default', 'tiny', 'true');
  }, 60_000);

  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    network[Symbol.dispose]();
  }, 60_000);

  const killAfter = async (ms: number, ...args: readonly string[]): Promise<void> => {
    const running = cli.start(args, { input: '' });
    setTimeout(() => running.child.kill('SIGKILL'), ms);
    await running.result;
  };

  const hostElements = (): string => {
    const { name } = uplinkOf(cli.scope.dataRoot);
    return network
      .run('host', 'nft', 'list', 'table', 'inet', name)
      .split('\n')
      .filter((line) => line.includes('elements ='))
      .join('\n');
  };

  /** Kills `network connect` and `disconnect` of container web: its record and its links say the same then. */
  const agreesAfterKills = async (name: string): Promise<void> => {
    const listed = async (): Promise<boolean> =>
      (await cli.output('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'web')).includes(
        `"${name}"`,
      );
    const inside = async (): Promise<boolean> => {
      const pid = await cli.output('inspect', '-f', '{{.State.Pid}}', 'web');
      return network
        .run('host', 'nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-br', 'addr')
        .split('\n')
        .some((line) => /^eth1\S* .*\d/.test(line));
    };
    for (const moment of moments) {
      await killAfter(moment, 'network', 'connect', name, 'web');
      expect(await listed()).toBe(await inside());
      if (await listed()) {
        await killAfter(moment, 'network', 'disconnect', name, 'web');
        expect(await listed()).toBe(await inside());
        if (await listed()) await cli.output('network', 'disconnect', name, 'web');
      }
    }
    await cli.clear();
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
  };

  test('of run: the port is free again and nothing is left', async () => {
    for (const moment of moments) {
      await killAfter(moment, 'run', '-d', '--name', 'web', '-p', '8000:8080', 'tiny', 'httpd');
      await cli.clear();
      expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
      expect(hostElements()).toBe('');
    }
    await cli.output('run', '-d', '--name', 'web', '-p', '8000:8080', 'tiny', 'httpd');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('hostname');
    await cli.clear();
  }, 120_000);

  test('of port add and rm: what port lists is what answers', async () => {
    await cli.output('run', '-d', '--name', 'web', '-p', '8000:8080', 'tiny', 'httpd');
    for (const moment of moments) {
      await killAfter(moment, 'port', 'add', 'web', '8001:8080');
      const added = (await cli.output('port', 'web')).includes(':8001');
      expect((await network.ask('host', '127.0.0.1', 8001)).startsWith('none')).toBe(!added);
      await killAfter(moment, 'port', 'rm', 'web', '8000:8080');
      const removed = !(await cli.output('port', 'web')).includes(':8000');
      expect((await network.ask('host', '127.0.0.1', 8000)).startsWith('none')).toBe(removed);
      if (added) await cli.output('port', 'rm', 'web', '8001:8080');
      if (removed) await cli.output('port', 'add', 'web', '8000:8080');
    }
    await cli.clear();
    expect(hostElements()).toBe('');
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
  }, 120_000);

  test('of network connect: what inspect lists is what the router has', async () => {
    await cli.output('network', 'create', 'back');
    await cli.output('run', '-d', '--name', 'web', '--network', 'default', 'tiny', 'httpd');
    await agreesAfterKills('back');
  }, 120_000);

  test('of network connect with a macvlan: what inspect lists is what is inside', async () => {
    network.ip('host', 'link', 'set', 'eth0', 'up');
    const flags = ['--driver', 'macvlan', '--opt', 'parent=eth0', '--subnet', '192.0.2.64/26'];
    await cli.output('network', 'create', ...flags, 'outer');
    await cli.output('run', '-d', '--name', 'web', '--network', 'default', 'tiny', 'httpd');
    await agreesAfterKills('outer');
  }, 120_000);

  test('of network connect with a macvlan whose parent then goes: all other commands go on', async () => {
    const flags = ['--driver', 'macvlan', '--opt', 'parent=gone', '--subnet', '192.0.2.128/26'];
    await cli.output('network', 'create', ...flags, 'passing');
    await cli.output('run', '-d', '--name', 'web', '--network', 'default', 'tiny', 'httpd');
    for (const moment of moments) {
      network.ip('host', 'link', 'add', 'gone', 'up', 'type', 'veth');
      await killAfter(moment, 'network', 'connect', 'passing', 'web');
      network.ip('host', 'link', 'del', 'gone');
      const names = await cli.output('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'web');
      if (names.includes('"passing"')) await cli.output('network', 'disconnect', 'passing', 'web');
    }
    await cli.clear();
    await cli.output('network', 'rm', 'passing');
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
  }, 120_000);

  test('of update: the egress rules that inspect lists are those that hold', async () => {
    await cli.output('run', '-d', '--name', 'web', '--network', 'default', 'tiny', 'httpd');
    const outside = addresses.outside.ipv4;
    const pid = Number(await cli.output('inspect', '-f', '{{.State.Pid}}', 'web'));
    const rules = ['deny', `allow=${outside}`, 'allow', 'deny', 'allow'];
    for (const [index, moment] of moments.entries()) {
      await killAfter(moment, 'update', '--egress', rules[index] ?? '', 'web');
      const policy = await cli.output('inspect', '-f', '{{json .HostConfig.Warren.Egress}}', 'web');
      const mayPass = policy.includes('"allow"') && !policy.includes('"deny"');
      const isNamed = policy.includes(outside);
      expect((await network.ask(pid, outside, 8099)) === 'none ECONNREFUSED', policy).toBe(
        mayPass || isNamed,
      );
      expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
    }
    await cli.clear();
    expect(await cli.output('doctor', '--leaks')).toBe('No leaks');
  }, 120_000);

  test('of the keeper: ports go on, and go with their containers', async () => {
    await cli.output('run', '-d', '--name', 'web', '-p', '8000:8080', 'tiny', 'httpd');
    process.kill(Number(await cli.output('keeper', 'status', '--format', '{{.PID}}')), 'SIGKILL');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('hostname');
    await cli.output('rm', '-f', 'web');
    expect(await network.ask('host', '127.0.0.1', 8000)).toMatch(/^none/);
    expect(hostElements()).toBe('');
  });
});

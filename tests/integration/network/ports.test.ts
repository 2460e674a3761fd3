import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { uplinkOf } from '../../../src/network/router.js';
import { TestCli } from '../../fixtures/cli.js';
import { addresses, OwnNetwork } from '../../fixtures/network/own-network.js';
import { describeAsRoot } from '../../privileges.js';

const sctpProgram = join(import.meta.dirname, 'rig', 'sctp.py');

interface Document {
  readonly Id: string;
  readonly State: { readonly Pid: number };
  readonly NetworkSettings: {
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    >;
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

describeAsRoot('published ports', () => {
  let network: OwnNetwork;
  let cli: TestCli;

  beforeAll(async () => {
    network = new OwnNetwork();
    cli = new TestCli(network.enter);
    await cli.output('image', 'build-base', 'tiny');
    await cli.output('network', 'create', '--ipv6', 'six');
  }, 60_000);

  afterEach(async () => {
    await cli.clear();
    expect(elements()).toBe('');
  });

  afterAll(async () => {
    await cli[Symbol.asyncDispose]();
    expect(network.run('host', 'nft', 'list', 'tables')).toBe('');
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('0');
    network[Symbol.dispose]();
  }, 60_000);

  const table = (): string => uplinkOf(cli.scope.dataRoot).name;

  const elements = (): string =>
    network
      .run('host', 'nft', 'list', 'table', 'inet', table())
      .split('\n')
      .filter((line) => line.includes('elements ='))
      .join('\n');

  const run = async (name: string, ...flags: readonly string[]): Promise<string> =>
    cli.output('run', '-d', '--name', name, '--hostname', name, ...flags, 'tiny', 'httpd');

  const inspect = async (name: string): Promise<Document> => {
    const [document] = JSON.parse(await cli.output('inspect', name)) as Document[];
    if (document === undefined) throw new Error(`${name} is not there`);
    return document;
  };

  const portOf = async (name: string): Promise<number> => {
    const ports = (await inspect(name)).NetworkSettings.Ports['8080/tcp'] ?? [];
    return Number(ports[0]?.HostPort);
  };

  test('answer on the host’s addresses and 127.0.0.1, to the host, to outside and to other containers', async () => {
    await run('web', '-p', '8000:8080');
    await run('other', '--network', 'six');
    const { pid } = { pid: (await inspect('other')).State.Pid };
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
    expect(await network.ask('host', addresses.host.ipv4, 8000)).toContain('web');
    expect(await network.ask('outside', addresses.host.ipv4, 8000)).toContain('web');
    expect(await network.ask(pid, addresses.host.ipv4, 8000)).toContain('web');
    expect(await network.ask('outside', addresses.host.ipv4, 8080)).toMatch(/^none/);
  });

  test('answer on ::1 and the host’s IPv6 addresses when the container has IPv6', async () => {
    await run('web', '--network', 'six', '-p', '8000:8080');
    expect(await network.ask('host', '::1', 8000)).toContain('web');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
    expect(await network.ask('outside', addresses.host.ipv6, 8000)).toContain('web');
    expect(await cli.output('port', 'web')).toBe('8080/tcp -> 0.0.0.0:8000\n8080/tcp -> [::]:8000');
  });

  test('of a container without IPv6 answer on IPv4 alone, and nothing else is shown', async () => {
    await run('web', '-p', '8000:8080', '-p', '[::]:8001:8080');
    for (const port of [8000, 8001]) {
      expect(await network.ask('host', '127.0.0.1', port)).toContain('web');
      expect(await network.ask('host', '::1', port)).toMatch(/^none/);
    }
    expect(await cli.output('port', 'web')).toBe(
      '8080/tcp -> 0.0.0.0:8000\n8080/tcp -> 0.0.0.0:8001',
    );
    const { Ports } = (await inspect('web')).NetworkSettings;
    expect(Ports['8080/tcp']?.map(({ HostIp }) => HostIp)).toEqual(['0.0.0.0', '0.0.0.0']);
    const refused = await cli.run(['run', '-p', '[::1]:8002:8080', 'tiny', 'true']);
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('network default has no IPv6');
  });

  test('carry SCTP, with the checksum that its new address needs', async () => {
    await run('web', '-p', '5000:3868/sctp');
    const { Pid } = (await inspect('web')).State;
    await network.keep(Pid, 'python3', sctpProgram, 'answer', '3868');
    const target = [addresses.host.ipv4, '5000'];
    expect(network.run('outside', 'python3', sctpProgram, 'ask', ...target).trim()).toBe(
      `INIT ACK from ${addresses.host.ipv4} port 5000`,
    );
  });

  test('on one address of the host answer there alone', async () => {
    await run('web', '-p', '127.0.0.1:8000:8080');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
    expect(await network.ask('outside', addresses.host.ipv4, 8000)).toMatch(/^none/);
    const refused = await cli.run(['run', '-p', '198.51.100.1:8001:80', 'tiny', 'true']);
    expect(refused.stderr).toContain('cannot assign requested address');
  });

  test('carry datagrams', async () => {
    await run('web', '-p', '5300:53/udp');
    await network.echo((await inspect('web')).State.Pid, 53, 'web');
    expect(await network.askByDatagram('outside', addresses.host.ipv4, { port: 5300 })).toBe(
      'web hello',
    );
    expect(await network.askByDatagram('host', '127.0.0.1', { port: 5300 })).toBe('web hello');
  });

  test('carry datagrams of one sender to the container that has the port now', async () => {
    const from = 40_000;
    await run('web', '-p', '5300:53/udp');
    await network.echo((await inspect('web')).State.Pid, 53, 'web');
    const ask = async (): Promise<string> =>
      network.askByDatagram('outside', addresses.host.ipv4, { port: 5300, from });
    expect(await ask()).toBe('web hello');
    await cli.output('port', 'rm', 'web', '53/udp');
    await run('next', '-p', '5300:53/udp');
    await network.echo((await inspect('next')).State.Pid, 53, 'next');
    expect(await ask()).toBe('next hello');
    await cli.output('rm', '-f', 'next');
    await cli.output('port', 'add', 'web', '5300:53/udp');
    expect(await ask()).toBe('web hello');
  });

  test('what goes out has the host’s address, and comes from a host that forwards', async () => {
    await run('web', '-p', '8000:8080');
    const { pid } = { pid: (await inspect('web')).State.Pid };
    expect(network.sysctl('net.ipv4.ip_forward')).toBe('1');
    // Nobody listens there: the refusal comes from the machine outside, which has no way back but to the host.
    expect(await network.ask(pid, addresses.outside.ipv4, 8099)).toBe('none ECONNREFUSED');
  });

  test('on random ports and of ranges are those that ps, port and inspect show', async () => {
    await run(
      'web',
      '-p',
      '8080',
      '-p',
      '8100-8102:8081',
      '-p',
      '8200-8201:90-91',
      '--expose',
      '95',
    );
    const port = await portOf('web');
    const [first = 0, last = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .split('\t')
      .map(Number);
    expect(port).toBeGreaterThanOrEqual(first);
    expect(port).toBeLessThanOrEqual(last);
    expect(await network.ask('host', '127.0.0.1', port)).toContain('web');
    expect(await cli.output('port', 'web', '8081')).toBe('0.0.0.0:8100');
    expect(await cli.output('ps', '--format', '{{.Ports}}')).toBe(
      `0.0.0.0:8200-8201->90-91/tcp, 0.0.0.0:${port}->8080/tcp, 0.0.0.0:8100->8081/tcp, 95/tcp`,
    );
    const { Ports } = (await inspect('web')).NetworkSettings;
    expect(Ports['91/tcp']).toEqual([{ HostIp: '0.0.0.0', HostPort: '8201' }]);
    expect(Ports['95/tcp']).toBeNull();
    const missing = await cli.run(['port', 'web', '95']);
    expect(missing.stderr).toContain("No public port '95/tcp' published for web");
  });

  test('-P publishes what is exposed', async () => {
    await run('web', '-P', '--expose', '8080', '--expose', '53/udp');
    expect(await network.ask('host', '127.0.0.1', await portOf('web'))).toContain('web');
    expect(await cli.output('port', 'web', '53/udp')).toMatch(/^0\.0\.0\.0:\d+$/);
  });

  test('of another container or a process are refused with 125, and free after it', async () => {
    await run('web', '-p', '8000:8080');
    const taken = await cli.run(['run', '-p', '127.0.0.1:8000:80', 'tiny', 'true']);
    expect(taken.code).toBe(125);
    expect(taken.stderr).toContain('Bind for 127.0.0.1:8000 failed: port is already allocated');
    await cli.output('stop', '-t', '0', 'web');
    await run('next', '-p', '8000:8080');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('next');
    const again = await cli.run(['start', 'web']);
    expect(again.stderr).toContain('port is already allocated');
    {
      using _process = await network.occupy(8001);
      const held = await cli.run(['run', '-p', '8001:80', 'tiny', 'true']);
      expect(held.code).toBe(125);
      expect(held.stderr).toContain('bind: address already in use');
    }
    await cli.output('rm', '-f', 'next');
    await cli.output('start', 'web');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
  });

  test('of a container whose end nobody has seen are taken over', async () => {
    await cli.output('run', '-d', '--name', 'short', '-p', '8000:80', 'tiny', 'sleep', '0.1');
    await cli.output('wait', 'short');
    await run('web', '-p', '8000:8080');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
  });

  test('are added and taken away while a container runs, and stay so', async () => {
    await run('web', '-p', '8000:8080');
    expect(await cli.output('port', 'add', 'web', '8001:8080', '8080')).toMatch(
      /^8080\/tcp -> 0\.0\.0\.0:8001\n8080\/tcp -> 0\.0\.0\.0:\d+$/,
    );
    expect(await network.ask('outside', addresses.host.ipv4, 8001)).toContain('web');
    await cli.output('port', 'rm', 'web', '8000:8080');
    expect(await network.ask('host', '127.0.0.1', 8000)).toMatch(/^none/);
    await cli.output('restart', '-t', '0', 'web');
    expect(await network.ask('host', '127.0.0.1', 8001)).toContain('web');
    expect(await network.ask('host', '127.0.0.1', 8000)).toMatch(/^none/);
    await cli.output('port', 'rm', 'web', '8080');
    expect(await cli.output('port', 'web')).toBe('');
    const missing = await cli.run(['port', 'rm', 'web', '8080']);
    expect(missing.stderr).toContain("No public port '8080/tcp' published for web");
    await run('taken', '-p', '8002:8080');
    const conflict = await cli.run(['port', 'add', 'web', '8002:8080']);
    expect(conflict.stderr).toContain('port is already allocated');
    expect(await cli.output('port', 'web')).toBe('');
  });

  test('of a container that is started again by itself stay as they were changed', async () => {
    await run('web', '--restart', 'always', '-p', '8000:8080');
    await cli.output('port', 'add', 'web', '8001:8080');
    await cli.output('port', 'rm', 'web', '8000:8080');
    const before = (await inspect('web')).State.Pid;
    process.kill(before, 'SIGKILL');
    await expect
      .poll(async () => (await inspect('web')).State.Pid, { timeout: 10_000 })
      .not.toSatisfy((pid) => pid === before || pid === 0);
    expect(await network.ask('host', '127.0.0.1', 8001)).toContain('web');
    expect(await network.ask('host', '127.0.0.1', 8000)).toMatch(/^none/);
  });

  test('come back with the table after somebody deleted it', async () => {
    await run('web', '-p', '8000:8080');
    network.run('host', 'nft', 'flush', 'ruleset');
    expect(await network.ask('host', '127.0.0.1', 8000)).toMatch(/^none/);
    await run('plain', '--network', 'six');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
    network.run('host', 'nft', 'flush', 'ruleset');
    await run('next', '-p', '8001:8080');
    expect(await network.ask('host', '127.0.0.1', 8000)).toContain('web');
    expect(await network.ask('host', '127.0.0.1', 8001)).toContain('next');
  });

  test('are refused where nothing leads to them', async () => {
    await cli.output('network', 'create', '--internal', 'inside');
    const inside = await cli.run(['run', '--network', 'inside', '-p', '80', 'tiny', 'true']);
    expect(inside.stderr).toContain('none of its networks has a way to the outside');
    const host = await cli.run(['run', '--network', 'host', '-p', '80', 'tiny', 'true']);
    expect(host.stderr).toContain('this container’s is host');
    const off = await cli.run(['run', '-p', '80', 'tiny', 'true'], {
      env: { WARREN_HOST_NAT: '0' },
    });
    expect(off.stderr).toContain('leaves the host’s firewall alone');
  });
});

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NetlinkBatch } from '../../../../src/host/netlink.js';
import { errnoOf } from '../../../../src/base/errors.js';
import { createLinuxHost } from '../../../../src/host/linux/linux-host.js';
import type { Host } from '../../../../src/host/port.js';
import { addition, removal, type TablePlace } from '../../../../src/network/firewall/batches.js';
import { bridgeRuleset } from '../../../../src/network/firewall/bridge-table.js';
import {
  endpointElements,
  type FirewallEndpoint,
} from '../../../../src/network/firewall/container-elements.js';
import { hostRuleset } from '../../../../src/network/firewall/host-table.js';
import { routerRuleset, routerTable } from '../../../../src/network/firewall/router-table.js';
import type { SetElement } from '../../../../src/network/nft/set.js';
import { removeScope, newScope, type TestScope } from '../../../scope.js';

export type Place = 'host' | 'router' | 'outside' | 'a' | 'b' | 'c';

const places: readonly Place[] = ['host', 'router', 'outside', 'a', 'b', 'c'];
const program = join(import.meta.dirname, 'probe.mjs');
const patientMs = 10_000;
const hastyMs = 700;

export const hostTable = 'warren_rig';

/** Containers by place: number in addresses, and of the link in the router. */
const containers = { a: 2, b: 3, c: 4 } as const;

export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

export const hostAddresses: Addresses = { ipv4: '192.0.2.1', ipv6: '2001:db8:1::1' };
export const outsideAddresses: Addresses = { ipv4: '192.0.2.9', ipv6: '2001:db8:1::9' };
/** The host's end of the link to the router, which has the resolver at its own. */
export const hostLink: Addresses = { ipv4: '169.254.57.1', ipv6: 'fd56::1' };
export const resolver: Addresses = { ipv4: '169.254.57.2', ipv6: 'fd56::2' };

export function addressesOf(container: keyof typeof containers): Addresses {
  return {
    ipv4: `10.208.0.${containers[container]}`,
    ipv6: `fd57::${containers[container]}`,
  };
}

/**
 * A host, a router, three containers and a machine outside, each a network namespace, with Warren's tables in host and router. What
 * changes them goes through a keeper.
 */
export class NetworkRig {
  readonly scope: TestScope = newScope();
  readonly #host: Host;
  readonly #servers: ChildProcess[] = [];

  constructor() {
    const { dataRoot, runDir, cgroupParent } = this.scope;
    for (const directory of [dataRoot, runDir]) mkdirSync(directory, { mode: 0o700 });
    this.#host = createLinuxHost({ runDir, dataRoot, cgroupParent, workers: 1 });
    for (const place of places) {
      ip('netns', 'add', this.#name(place));
      this.ip(place, 'link', 'set', 'lo', 'up');
    }
    this.#joinHost();
    for (const container of ['a', 'b', 'c'] as const) this.#joinContainer(container);
    for (const place of ['host', 'router'] as const) {
      writeFileSync(join(runDir, place), '');
      execFileSync('mount', ['--bind', `/run/netns/${this.#name(place)}`, join(runDir, place)]);
    }
    this.makeTables();
  }

  makeTables(routerElements = ''): void {
    this.nft(
      'router',
      routerRuleset({ uplink: 'host0', resolver: resolver.ipv4 }) +
        bridgeRuleset() +
        routerElements,
    );
    this.nft('host', hostRuleset({ table: hostTable, link: 'wl' }));
  }

  /** An endpoint's elements as a container of the rig has them. */
  endpoint(
    container: keyof typeof containers,
    changes: Partial<FirewallEndpoint> = {},
  ): FirewallEndpoint {
    return {
      link: 4096 + containers[container],
      bridgePort: null,
      network: 1,
      internal: false,
      ...addressesOf(container),
      policy: 0,
      ...changes,
    };
  }

  async admit(...endpoints: readonly FirewallEndpoint[]): Promise<void> {
    const add = endpoints.flatMap((endpoint) => [...endpointElements(endpoint).router]);
    await this.add('router', routerTable, add);
  }

  async dismiss(...endpoints: readonly FirewallEndpoint[]): Promise<void> {
    const remove = endpoints.flatMap((endpoint) => [...endpointElements(endpoint).router]);
    await this.remove('router', routerTable, remove);
  }

  async add(place: Place, table: string, add: readonly SetElement[]): Promise<void> {
    await this.send(addition({ family: 'inet', table, add }, { router: place }));
  }

  async remove(place: Place, table: string, remove: readonly SetElement[]): Promise<void> {
    const at: TablePlace = { router: place };
    await this.send(removal({ family: 'inet', table, remove }, at));
  }

  async send(batches: readonly NetlinkBatch[]): Promise<void> {
    const keeper = await this.#host.keeper(0);
    await keeper.netlink('', batches);
  }

  /** Text of a set as nft(8) lists it. */
  set(place: Place, table: string, name: string): string {
    const list = ['list', 'set', 'inet', table, name];
    return this.#run(place, ['nft', ...list.with(1, isMap(name) ? 'map' : 'set')]);
  }

  nft(place: Place, ruleset: string): void {
    this.#run(place, ['nft', '-f', '-'], ruleset);
  }

  ip(place: Place, ...args: readonly string[]): string {
    return ip('-n', this.#name(place), ...args);
  }

  /** Answers on a port until the rig is closed. */
  async serve(place: Place, port: number): Promise<void> {
    const args = [
      'netns',
      'exec',
      this.#name(place),
      process.execPath,
      program,
      'serve',
      `${port}`,
    ];
    const server = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#servers.push(server);
    await once(createInterface(server.stdout), 'line');
  }

  /** What the server saw of the connection, or the error's name. For what should answer: patient. */
  connect(place: Place, address: string, ...portAndSource: readonly [number, string?]): string {
    return this.#connect(place, patientMs, [address, ...portAndSource.map(String)]);
  }

  /** The same for what should be dropped: not patient. */
  attempt(place: Place, address: string, ...portAndSource: readonly [number, string?]): string {
    return this.#connect(place, hastyMs, [address, ...portAndSource.map(String)]);
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    }
    const keeper = await this.#host.runningKeeper(0);
    await keeper?.control.shutdown(true);
    await this.#host.close();
    for (const place of ['host', 'router']) {
      execFileSync('umount', [join(this.scope.runDir, place)]);
    }
    for (const place of places) ip('netns', 'del', this.#name(place));
    const parent = this.scope.cgroupParent.slice(1);
    for (const { index, mountPoint } of this.#host.cgroups.hierarchies) {
      if (mountPoint === '') continue;
      for (const path of [parent, dirname(parent)]) removeGroup(this.#host, index, path);
    }
    removeScope(this.scope);
  }

  #connect(place: Place, timeoutMs: number, args: readonly string[]): string {
    const command = [process.execPath, program, 'connect', `${timeoutMs}`, ...args];
    return this.#run(place, command).trim();
  }

  #name(place: Place): string {
    return `${this.scope.prefix}-${place}`;
  }

  #run(place: Place, command: readonly string[], input = ''): string {
    return execFileSync('ip', ['netns', 'exec', this.#name(place), ...command], {
      input,
      encoding: 'utf8',
    });
  }

  #sysctl(place: Place, ...settings: readonly string[]): void {
    this.#run(place, ['sysctl', '-qw', ...settings]);
  }

  #joinHost(): void {
    const router = this.#name('router');
    this.ip('host', 'link', 'add', 'wl', 'type', 'veth', 'peer', 'name', 'host0', 'netns', router);
    for (const address of ['169.254.57.1/30', 'fd56::1/64'])
      this.ip('host', 'addr', 'add', address, 'dev', 'wl', ...nodad(address));
    for (const address of ['169.254.57.2/30', 'fd56::2/64'])
      this.ip('router', 'addr', 'add', address, 'dev', 'host0', ...nodad(address));
    this.ip('host', 'link', 'set', 'wl', 'up');
    this.ip('router', 'link', 'set', 'host0', 'up');
    this.ip('host', 'route', 'add', '10.208.0.0/16', 'via', '169.254.57.2');
    this.ip('host', '-6', 'route', 'add', 'fd57::/64', 'via', 'fd56::2');
    this.ip(
      'host',
      '-6',
      'route',
      'add',
      'local',
      '::1',
      'dev',
      'wl',
      'table',
      'local',
      'metric',
      '4096',
    );
    this.ip('router', 'route', 'add', 'default', 'via', '169.254.57.1');
    this.ip('router', '-6', 'route', 'add', 'default', 'via', 'fd56::1');
    const forwarding = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
    this.#sysctl('router', ...forwarding);
    this.#sysctl('host', ...forwarding, 'net.ipv4.conf.wl.route_localnet=1');
    const outside = this.#name('outside');
    this.ip('host', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside);
    for (const [place, link, addresses] of [
      ['host', 'up0', hostAddresses],
      ['outside', 'eth0', outsideAddresses],
    ] as const) {
      this.ip(place, 'addr', 'add', `${addresses.ipv4}/24`, 'dev', link);
      this.ip(place, 'addr', 'add', `${addresses.ipv6}/64`, 'dev', link, 'nodad');
      this.ip(place, 'link', 'set', link, 'up');
    }
    this.ip('outside', 'route', 'add', '10.208.0.0/16', 'via', hostAddresses.ipv4);
    this.ip('outside', '-6', 'route', 'add', 'fd57::/64', 'via', hostAddresses.ipv6);
  }

  #joinContainer(container: keyof typeof containers): void {
    const number = containers[container];
    const link = `c${number}`;
    const { ipv4, ipv6 } = addressesOf(container);
    const near = ['link', 'add', link, 'index', String(4096 + number), 'type', 'veth'];
    this.ip('router', ...near, 'peer', 'name', 'eth0', 'netns', this.#name(container));
    this.ip('router', 'addr', 'add', '169.254.1.1/32', 'dev', link);
    this.ip('router', 'addr', 'add', 'fe80::1/64', 'dev', link, 'nodad');
    this.ip('router', 'link', 'set', link, 'up');
    this.ip(container, 'addr', 'add', `${ipv4}/32`, 'dev', 'eth0');
    this.ip(container, 'addr', 'add', `${ipv6}/128`, 'dev', 'eth0', 'nodad');
    this.ip(container, 'link', 'set', 'eth0', 'up');
    this.ip(container, 'route', 'add', '169.254.1.1', 'dev', 'eth0');
    this.ip(container, 'route', 'add', 'default', 'via', '169.254.1.1');
    this.ip(container, '-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0');
    this.ip('router', 'route', 'add', ipv4, 'dev', link);
    this.ip('router', '-6', 'route', 'add', ipv6, 'dev', link);
  }
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** The run's own parent may be another test's too. */
function removeGroup(host: Host, hierarchy: number, path: string): void {
  try {
    host.cgroups.remove({ hierarchy, path });
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY') throw error;
  }
}

function nodad(address: string): readonly string[] {
  return address.includes(':') ? ['nodad'] : [];
}

function isMap(name: string): boolean {
  return /^(source|policies|published)/.test(name);
}

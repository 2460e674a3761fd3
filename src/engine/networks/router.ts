import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Keeper, ShaperCounters } from '../../host/port.js';
import { resolverAddress, type Network, type NetworkId } from '../../model/network/network.js';
import {
  joinNetwork,
  joinRouter,
  leaveNetwork,
  removeUplink,
  routerPath,
  routerSysctls,
  uplinkOf,
  type Uplink,
} from '../../network/router.js';
import { routerTables } from '../../network/firewall/endpoint-firewall.js';
import type { EndpointElements } from '../../network/firewall/container-elements.js';
import { routerTable } from '../../network/firewall/router-table.js';
import type { SetElement } from '../../network/nft/set.js';
import { WarrenError } from '../../base/errors.js';
import type { EngineSettings } from '../settings.js';
import { HostSide } from './host-side.js';
import { type ListedKeys, listElements } from './listed-elements.js';

/** What tables hold for the containers that run. */
export interface LiveElements extends EndpointElements {
  readonly host: readonly SetElement[];
}

export interface RouterParts {
  readonly host: Host;
  /** Command of the resolver, with the environment of what keepers start. */
  readonly resolver: readonly string[];
  readonly environment: readonly string[];
}

/**
 * The data root's router as this process knows it: made when the first container needs it, and joined again by every process that
 * uses it, which costs less than finding out whether it still has to be.
 */
export class Router {
  readonly #host: Host;
  readonly #parts: RouterParts;
  readonly #path: string;
  readonly #uplink: Uplink;
  readonly #joined = new Map<NetworkId, Promise<void>>();
  #ready: Promise<void> | undefined;

  readonly #live: () => Promise<LiveElements>;
  /** null: the host is left alone. */
  readonly hostSide: HostSide | null;
  #isSuspect = false;
  #hasRetired = false;

  /** @param live what the tables of a router must hold that is in use */
  constructor(
    parts: RouterParts,
    { dataRoot, runDir, hostNat }: Pick<EngineSettings, 'dataRoot' | 'runDir' | 'hostNat'>,
    live: () => Promise<LiveElements>,
  ) {
    this.#host = parts.host;
    this.#parts = parts;
    this.#live = live;
    this.#path = join(runDir, routerPath);
    this.#uplink = uplinkOf(dataRoot);
    this.hostSide = hostNat ? new HostSide(parts.host, this.#uplink) : null;
  }

  /** The kernel has IPv6. */
  readonly ipv6: boolean = existsSync('/proc/net/if_inet6');

  get uplink(): Uplink {
    return this.#uplink;
  }

  get isPinned(): boolean {
    return this.#host.namespaces.isPinned(this.#path);
  }

  /** Makes sure that containers can be connected to these networks. */
  async provide(keeper: Keeper, networks: readonly Network[]): Promise<void> {
    if (networks.length === 0) return;
    await this.#provideRouter(keeper);
    await Promise.all(networks.map(async (network) => this.#provideNetwork(keeper, network)));
  }

  /** After something was found missing: everything is looked at again. */
  forget(): void {
    this.#ready = undefined;
    this.#isSuspect = true;
    this.#joined.clear();
  }

  /** A limit of bandwidth was taken away, whose link is still to be freed. */
  noteRetired(): void {
    this.#hasRetired = true;
  }

  /** Whether there is one; not again for the same. */
  takeRetired(): boolean {
    const taken = this.#hasRetired;
    this.#hasRetired = false;
    return taken;
  }

  /** Takes a removed network out. */
  async leave(keeper: Keeper, network: Network): Promise<void> {
    this.#joined.delete(network.id);
    if (this.isPinned) await keeper.netlink('', leaveNetwork(network, this.#uplink));
  }

  /** Links that it has. */
  async links(): Promise<readonly string[]> {
    return this.isPinned ? this.#host.namespaces.links(this.#path) : [];
  }

  /** What its table holds; null when there is none. */
  async elements(): Promise<ListedKeys | null> {
    return await listElements(this.#host, routerTable, ['nsenter', `--net=${this.#path}`]);
  }

  /** What limits of bandwidth counted, by interface index. */
  async shapers(): Promise<ReadonlyMap<number, ShaperCounters>> {
    return this.isPinned ? this.#host.namespaces.shapers(this.#path) : new Map();
  }

  /** Drops it with all that is in it. */
  async drop(): Promise<void> {
    this.forget();
    try {
      await this.hostSide?.drop();
    } finally {
      if (existsSync(this.#path)) await this.#host.namespaces.drop(this.#path);
    }
  }

  async #provideRouter(keeper: Keeper): Promise<void> {
    this.#ready ??= this.#join(keeper);
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }

  async #join(keeper: Keeper): Promise<void> {
    const isNew = await this.#host.namespaces.pin(this.#path, routerSysctls);
    if (isNew || this.#isSuspect) await this.#makeTables();
    this.#isSuspect = false;
    await keeper.netlink('', [
      ...(isNew ? removeUplink(this.#uplink) : []),
      ...joinRouter(this.#uplink, { hostPid: keeper.pid, ipv6: this.ipv6 }),
    ]);
    const live = async (): Promise<readonly SetElement[]> => (await this.#live()).host;
    await this.hostSide?.provide(keeper, { live, ipv6: this.ipv6 });
    await this.#serveNames(isNew);
  }

  /** The resolver's sockets belong to the router that it was started for. */
  async #serveNames(anew: boolean): Promise<void> {
    const at = { address: resolverAddress, port: 53 };
    const argv = this.#host.namespaces.listening(this.#path, at, this.#parts.resolver);
    const master = await this.#host.keeper(0);
    await master.control.serve({ argv, environment: this.#parts.environment, anew });
  }

  /**
   * Packets pass by the tables alone, so nothing is connected before they are there. When they are missing, every launch fails until
   * one process has made them, with what runs in them: nothing is added in between that could be lost.
   */
  async #makeTables(): Promise<void> {
    const ruleset = routerTables(await this.#live());
    const file = `${this.#path}-${process.pid}.nft`;
    writeFileSync(file, ruleset, { mode: 0o600 });
    const command = [`--net=${this.#path}`, 'nft', '-f', file];
    const { code, stderr } = await this.#host.run('nsenter', command).finally(() => {
      rmSync(file);
    });
    // Another process was faster.
    if (code === 0 || stderr.includes('File exists')) return;
    throw new WarrenError(
      'unavailable',
      'FIREWALL_REFUSED',
      `Cannot make the router's firewall: ${stderr.trim().split('\n')[0] ?? ''}`,
      {
        hint: 'Networks need nftables: apt-get install nftables, and a kernel with nf_tables; or use --network none',
      },
    );
  }

  async #joinNetwork(keeper: Keeper, network: Network): Promise<void> {
    await keeper.netlink('', joinNetwork(network, this.#uplink));
    await this.hostSide?.forward(network);
  }

  async #provideNetwork(keeper: Keeper, network: Network): Promise<void> {
    let joined = this.#joined.get(network.id);
    if (joined === undefined) {
      joined = this.#joinNetwork(keeper, network);
      this.#joined.set(network.id, joined);
      joined.catch(() => this.#joined.delete(network.id));
    }
    await joined;
  }
}

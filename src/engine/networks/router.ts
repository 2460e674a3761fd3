import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Keeper } from '../../host/port.js';
import type { Network, NetworkId } from '../../model/network.js';
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
import type { EngineSettings } from '../settings.js';

/**
 * The data root's router as this process knows it: made when the first container needs it, and joined again by every process that
 * uses it, which costs less than finding out whether it still has to be.
 */
export class Router {
  readonly #host: Host;
  readonly #path: string;
  readonly #uplink: Uplink;
  readonly #joined = new Map<NetworkId, Promise<void>>();
  #ready: Promise<void> | undefined;

  constructor(host: Host, { dataRoot, runDir }: EngineSettings) {
    this.#host = host;
    this.#path = join(runDir, routerPath);
    this.#uplink = uplinkOf(dataRoot);
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
    this.#joined.clear();
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

  /** Drops it with all that is in it. */
  async drop(): Promise<void> {
    this.forget();
    if (existsSync(this.#path)) await this.#host.namespaces.drop(this.#path);
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
    await keeper.netlink('', [
      ...(isNew ? removeUplink(this.#uplink) : []),
      ...joinRouter(this.#uplink, { hostPid: keeper.pid, ipv6: this.ipv6 }),
    ]);
  }

  async #provideNetwork(keeper: Keeper, network: Network): Promise<void> {
    let joined = this.#joined.get(network.id);
    if (joined === undefined) {
      joined = keeper.netlink('', joinNetwork(network, this.#uplink));
      this.#joined.set(network.id, joined);
      joined.catch(() => this.#joined.delete(network.id));
    }
    await joined;
  }
}

import { readlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { isWarrenError, WarrenError } from '../../base/errors.js';
import { endForwarding, needForwarding } from '../../host/network-changes.js';
import type { Host, Keeper } from '../../host/port.js';
import type { Network } from '../../model/network/network.js';
import { hostRuleset } from '../../network/firewall/host-table.js';
import { hostTableQuestion } from '../../network/firewall/published-ports.js';
import { elementsText, type SetElement } from '../../network/nft/set.js';
import { openLoopback, type Uplink } from '../../network/router.js';
import { ForwardRules } from './forward-rules.js';
import { hasNoTables, type ListedKeys, listElements } from './listed-elements.js';

/** Whether its containers' packets go on to where the host's other links lead. */
export function leadsOutside({ driver, internal }: Pick<Network, 'driver' | 'internal'>): boolean {
  return driver !== 'macvlan' && !internal;
}

/** What the host itself has for containers beside links and routes: a table of nftables, and forwarding. */
export class HostSide {
  readonly rules: ForwardRules;
  readonly #host: Host;
  readonly #uplink: Uplink;

  constructor(host: Host, uplink: Uplink) {
    this.#host = host;
    this.#uplink = uplink;
    this.rules = new ForwardRules(host, uplink.name);
  }

  /** Name of the table. */
  get table(): string {
    return this.#uplink.name;
  }

  /**
   * Makes the table unless it is there, in one transaction with the elements of what runs.
   * @throws WarrenError unavailable (FIREWALL_REFUSED), unsupported (OTHER_NETWORK_NAMESPACE)
   */
  async provide(
    keeper: Keeper,
    { live, ipv6 }: { readonly live: () => Promise<readonly SetElement[]>; readonly ipv6: boolean },
  ): Promise<void> {
    requireSameNetwork(keeper);
    if (await this.#isThere(keeper)) return;
    const ruleset = hostRuleset({ table: this.table, link: this.#uplink.name });
    const text = ruleset + elementsText('inet', this.table, await live());
    const { code, stderr } = await this.#host.run('nft', ['-f', '-'], {
      input: Readable.from([Buffer.from(text)]),
    });
    // Another process was faster.
    if (code !== 0 && !stderr.includes('File exists')) {
      throw new WarrenError(
        'unavailable',
        'FIREWALL_REFUSED',
        `Cannot make the host’s table ${this.table} of nftables: ${stderr.trim().split('\n')[0] ?? ''}`,
        { hint: 'Look at the host’s own tables (nft list tables), or use --network none' },
      );
    }
    await keeper.netlink('', openLoopback(this.#uplink, ipv6));
  }

  /** @throws WarrenError unavailable (FORWARD_DROPPED) */
  async forward(network: Network): Promise<void> {
    if (!leadsOutside(network)) return;
    for (const { family } of network.subnets) {
      await needForwarding(this.#uplink.name, family, async () => this.rules.require(family));
    }
  }

  /** After the last network that leads outside. */
  async endForwarding(): Promise<void> {
    await endForwarding(this.#uplink.name);
  }

  /**
   * Gives the host back what it had.
   * @throws WarrenError unavailable (FIREWALL_REFUSED)
   */
  async drop(): Promise<void> {
    await this.endForwarding();
    try {
      await this.#dropTable();
      await this.rules.untune();
    } catch (error) {
      // Without nft(8) there is no table, and no rule either.
      if (!isWarrenError(error, 'commandNotFound')) throw error;
    }
  }

  async #dropTable(): Promise<void> {
    const { table } = this;
    const command = `delete table inet ${table}`;
    // `destroy` is newer than what distributions have.
    const { code, stderr } = await this.#host.run('nft', [`add table inet ${table}; ${command}`]);
    if (code === 0 || hasNoTables(stderr)) return;
    throw new WarrenError(
      'unavailable',
      'FIREWALL_REFUSED',
      `Cannot remove the host’s table ${table} of nftables: ${stderr.trim().split('\n')[0] ?? ''}`,
      { hint: `Published ports lead nowhere now. Remove it by hand: nft '${command}'` },
    );
  }

  /** What the table holds; null when there is none. */
  async elements(): Promise<ListedKeys | null> {
    return await listElements(this.#host, this.table);
  }

  async #isThere(keeper: Keeper): Promise<boolean> {
    try {
      await keeper.netlink('', hostTableQuestion(this.table));
      return true;
    } catch (error) {
      if (isWarrenError(error) && error.details['errno'] === 'ENOENT') return false;
      throw error;
    }
  }
}

/** Tables, settings and ports are those of this process's network namespace; links are made in the keeper's. */
function requireSameNetwork({ pid }: Keeper): void {
  if (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) return;
  throw new WarrenError(
    'unsupported',
    'OTHER_NETWORK_NAMESPACE',
    'Cannot use networks from here: the keeper was started in another network namespace',
    { hint: 'Run warren where it was started first, or end the keeper: warren keeper stop' },
  );
}

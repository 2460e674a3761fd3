import { formatAddress, networkContains, parseNetwork, type IpAddress } from '../../base/ip.js';
import { WarrenError } from '../../base/errors.js';
import type { Keeper } from '../../host/port.js';
import type { EgressRule } from '../../model/network/network.js';
import { addition } from '../../network/firewall/batches.js';
import { nameElements, type TimedAddress } from '../../network/firewall/egress-elements.js';
import { routerTable } from '../../network/firewall/router-table.js';
import { routerPath } from '../../network/router.js';

export interface Admission {
  readonly container: string;
  readonly policies: readonly number[];
  readonly rules: readonly EgressRule[];
  readonly addresses: readonly TimedAddress[];
}

/** Addresses of one container at once: who is told to allow a name below which somebody makes up new ones is not served for ever. */
const mostAddresses = 4096;

/** What a name may not stand for, whoever answers for it: this machine, its link, everybody. */
const neverAdmitted = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].flatMap((text) => parseNetwork(text) ?? []);

function isAdmissible(address: IpAddress): boolean {
  return !neverAdmitted.some((network) => networkContains(network, address));
}

/** Puts what names stand for into the router's sets, which forget it by themselves. */
export class Admissions {
  readonly #keeper: () => Promise<Keeper>;
  readonly #now: () => number;
  /** Container → address → when it ends. */
  readonly #known = new Map<string, Map<string, number>>();

  constructor(keeper: () => Promise<Keeper>, now: () => number) {
    this.#keeper = keeper;
    this.#now = now;
  }

  /** @throws WarrenError exhausted (TOO_MANY_ADDRESSES), and what the keeper does */
  async admit({ container, policies, rules, addresses }: Admission): Promise<void> {
    const admissible = addresses.filter(({ address }) => isAdmissible(address));
    this.#count(container, admissible);
    const renew = policies.flatMap((policy) => nameElements(policy, rules, admissible));
    if (renew.length === 0) return;
    const keeper = await this.#keeper();
    const changes = { family: 'inet', table: routerTable, renew } as const;
    await keeper.netlink('', addition(changes, { router: routerPath }));
  }

  #count(container: string, addresses: readonly TimedAddress[]): void {
    const now = this.#now();
    this.#forget(now);
    const known = this.#known.get(container) ?? new Map<string, number>();
    for (const { address, timeoutMs } of addresses) {
      const text = formatAddress(address);
      if (!known.has(text) && known.size >= mostAddresses) throw tooMany(container);
      known.set(text, now + timeoutMs);
    }
    if (known.size > 0) this.#known.set(container, known);
  }

  /** What has ended in the kernel; looked at once a second. */
  #forget(now: number): void {
    if (now < this.#nextLook) return;
    this.#nextLook = now + 1000;
    for (const [container, known] of this.#known) {
      for (const [address, end] of known) if (end <= now) known.delete(address);
      if (known.size === 0) this.#known.delete(container);
    }
  }

  #nextLook = 0;
}

function tooMany(container: string): WarrenError {
  return new WarrenError(
    'exhausted',
    'TOO_MANY_ADDRESSES',
    `Cannot let container ${container} reach more than ${mostAddresses} addresses of names at a time`,
  );
}

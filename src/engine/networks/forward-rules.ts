import { existsSync, readFileSync } from 'node:fs';
import { WarrenError } from '../../base/errors.js';
import type { Host } from '../../host/port.js';

/** A chain of somebody else's firewall that packets on their way through the host pass. */
interface ForwardChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly policy?: string;
}

interface Rule {
  readonly handle: number;
  readonly comment?: string;
  readonly expr: readonly object[];
}

interface Listed {
  readonly nftables: readonly {
    readonly chain?: ForwardChain & { readonly hook?: string };
    readonly rule?: Rule;
  }[];
}

/** Why packets of containers do not pass. */
export interface ForwardObstacle {
  readonly chain: ForwardChain;
  /** `policy drop`, or the rule that drops the rest. */
  readonly rule: string;
}

const legacyTables = {
  ip: '/proc/net/ip_tables_names',
  ip6: '/proc/net/ip6_tables_names',
} as const;
const legacyCommands = { ip: 'iptables-legacy', ip6: 'ip6tables-legacy' } as const;

/** Rules of other firewalls on the host for what is forwarded: they are read, and never changed but for one marked accept. */
export class ForwardRules {
  readonly #host: Host;
  readonly #link: string;

  /** @param link name of the host's link to the router */
  constructor(host: Host, link: string) {
    this.#host = host;
    this.#link = link;
  }

  /** Chains that drop packets of this family from or to containers. */
  async obstacles(family: 4 | 6): Promise<readonly ForwardObstacle[]> {
    const families = ['inet', family === 4 ? 'ip' : 'ip6'];
    const found: ForwardObstacle[] = [];
    for (const chain of await this.#chains()) {
      if (!families.includes(chain.family)) continue;
      const rule = obstacleIn(chain, await this.#rules(chain), this.#link);
      if (rule !== null) found.push({ chain, rule });
    }
    return [...found, ...(await this.#legacyObstacles(family))];
  }

  /** @throws WarrenError unavailable (FORWARD_DROPPED) naming the rule */
  async require(family: 4 | 6): Promise<void> {
    const [first] = await this.obstacles(family);
    if (first === undefined) return;
    const { chain, rule } = first;
    throw new WarrenError(
      'unavailable',
      'FORWARD_DROPPED',
      `Cannot connect containers to the outside: the host’s firewall drops what they send: ${rule} of chain ${chain.name} in table ${chain.family} ${chain.table}`,
      {
        hint: 'warren doctor --tune adds one marked rule that lets them pass; or use --network none, or an --internal network',
        details: { family: chain.family, table: chain.table, chain: chain.name },
      },
    );
  }

  /** Adds the accepting rules where packets do not pass. Returns the chains that have got them. */
  async tune(): Promise<readonly string[]> {
    const all = [...(await this.obstacles(4)), ...(await this.obstacles(6))];
    const chains = new Map(all.map(({ chain }) => [textOf(chain), chain]));
    for (const [text, chain] of chains) {
      if (chain.table === legacyTable) await this.#tuneLegacy(chain, '-I');
      else {
        const rules = ['iifname', 'oifname'].map(
          (side) =>
            `insert rule ${text} ${side} "${this.#link}" counter accept comment "${this.#mark}"`,
        );
        await this.#nft(rules.join('; '));
      }
    }
    return [...chains.keys()];
  }

  /** Takes away what `tune` added. */
  async untune(): Promise<void> {
    for (const chain of await this.#chains()) {
      const own = (await this.#rules(chain)).filter(({ comment }) => comment === this.#mark);
      for (const { handle } of own)
        await this.#nft(`delete rule ${textOf(chain)} handle ${handle}`);
    }
    for (const family of ['ip', 'ip6'] as const) {
      const chain = { family, table: legacyTable, name: 'FORWARD' };
      if ((await this.#legacyRules(family)).some((line) => line.includes(this.#mark)))
        await this.#tuneLegacy(chain, '-D');
    }
  }

  get #mark(): string {
    return `warren ${this.#link}`;
  }

  async #chains(): Promise<readonly ForwardChain[]> {
    const { nftables } = JSON.parse(await this.#nft('list chains', '-j')) as Listed;
    return nftables.flatMap(({ chain }) =>
      chain?.hook === 'forward' && !chain.table.startsWith('wrn') ? [chain] : [],
    );
  }

  async #rules(chain: ForwardChain): Promise<readonly Rule[]> {
    const { nftables } = JSON.parse(await this.#nft(`list chain ${textOf(chain)}`, '-j')) as Listed;
    return nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  }

  async #nft(command: string, ...options: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#host.run('nft', [...options, command]);
    if (code === 0) return stdout;
    throw new WarrenError(
      'unavailable',
      'FIREWALL_REFUSED',
      `Cannot look at the host’s firewall: nft ${command}: ${stderr.trim().split('\n')[0] ?? ''}`,
    );
  }

  async #legacyObstacles(family: 4 | 6): Promise<readonly ForwardObstacle[]> {
    const name = family === 4 ? 'ip' : 'ip6';
    const rules = await this.#legacyRules(name);
    if (!rules.includes('-P FORWARD DROP') || rules.some((line) => line.includes(this.#link)))
      return [];
    const chain = { family: name, table: legacyTable, name: 'FORWARD' };
    return [{ chain, rule: 'policy drop' }];
  }

  /** Of iptables before nftables, which nft does not see. */
  async #legacyRules(family: keyof typeof legacyTables): Promise<readonly string[]> {
    const file = legacyTables[family];
    if (!existsSync(file) || !readFileSync(file, 'utf8').includes('filter')) return [];
    const { code, stdout } = await this.#host.run(legacyCommands[family], ['-S', 'FORWARD']);
    return code === 0 ? stdout.trim().split('\n') : [];
  }

  async #tuneLegacy({ family }: ForwardChain, verb: '-I' | '-D'): Promise<void> {
    const command = family === 'ip' ? legacyCommands.ip : legacyCommands.ip6;
    for (const side of ['-i', '-o']) {
      const match = ['FORWARD', side, this.#link, '-m', 'comment', '--comment', this.#mark];
      await this.#host.run(command, [verb, ...match, '-j', 'ACCEPT']);
    }
  }
}

const legacyTable = 'filter (legacy iptables)';

function textOf({ family, table, name }: ForwardChain): string {
  return `${family} ${table} ${name}`;
}

/** What drops packets that no rule before lets pass; null when there is nothing, or a rule is about the link. */
function obstacleIn({ policy }: ForwardChain, rules: readonly Rule[], link: string): string | null {
  const texts = rules.map(({ expr }) => JSON.stringify(expr));
  if (texts.some((text) => text.includes(`"${link}"`) && text.includes('"accept"'))) return null;
  for (const { expr } of rules) {
    const [verdict] = expr.filter((part) => !('counter' in part));
    const isAlone = expr.filter((part) => !('counter' in part)).length === 1;
    if (!isAlone || verdict === undefined) continue;
    if ('accept' in verdict) return null;
    if ('drop' in verdict) return 'the rule drop';
    if ('reject' in verdict) return 'the rule reject';
  }
  return policy === 'drop' ? 'policy drop' : null;
}

import { readFileSync } from 'node:fs';
import { shaperBase, slotBase } from '../../model/network/network.js';
import { deletion, type TablePlace } from '../../network/firewall/batches.js';
import { hostSets } from '../../network/firewall/host-table.js';
import { routerSets, routerTable } from '../../network/firewall/router-table.js';
import { withoutData, type SetDefinition, type SetElement } from '../../network/nft/set.js';
import { batchFor, bridgeIndex, removeUplink, routerPath } from '../../network/router.js';
import { removeLink } from '../../network/netlink/links.js';
import type { EngineContext } from '../context.js';
import { liveElements } from '../networks/firewall.js';
import type { ListedKeys } from '../networks/listed-elements.js';
import { freeRetired } from '../networks/rates.js';
import type { FoundLeak } from './leaks.js';

/** Links, namespaces and elements of nftables that no network or container explains. */
export async function networkLeaks(context: EngineContext): Promise<readonly FoundLeak[]> {
  if (!context.router.isPinned) return await withoutRouter(context);
  // What waits to be freed in one go is none.
  await freeRetired(context);
  return [...(await leakedLinks(context)), ...(await leakedElements(context))];
}

/** What a router that is gone has left on the host. */
async function withoutRouter(context: EngineContext): Promise<readonly FoundLeak[]> {
  const { router } = context;
  const { uplink, hostSide } = router;
  const found: FoundLeak[] = [];
  if (readFileSync('/proc/self/net/dev', 'utf8').includes(`${uplink.name}:`)) {
    found.push({
      kind: 'link',
      object: uplink.name,
      why: 'its router is gone',
      fix: async () => {
        const keeper = await context.keepers.master();
        await keeper.netlink('', removeUplink(uplink));
      },
    });
  }
  if (hostSide !== null && (await hostSide.elements()) !== null) {
    found.push({
      kind: 'firewall',
      object: `inet ${hostSide.table}`,
      why: 'no router has this table',
      fix: async () => hostSide.drop(),
    });
  }
  return found;
}

/** Links in the router are named after the endpoints and networks in the records. */
async function leakedLinks(context: EngineContext): Promise<readonly FoundLeak[]> {
  const { containers, networks } = context.records;
  const slots = new Set(
    containers.list().flatMap(({ endpoints }) => endpoints.map(({ slot }) => slot)),
  );
  const numbers = new Set(networks.list().map(({ number }) => number));
  const found: FoundLeak[] = [];
  for (const name of await context.router.links()) {
    const [, kind, digits] = /^(c|r|br)(\d+)$/.exec(name) ?? [];
    const number = Number(digits);
    if (kind === undefined || (kind === 'br' ? numbers : slots).has(number)) continue;
    const base = kind === 'c' ? slotBase : shaperBase;
    const index = kind === 'br' ? bridgeIndex({ number }) : base + number;
    found.push({
      kind: 'link',
      object: `${name} in ${routerPath}`,
      why: kind === 'br' ? 'no network has this bridge' : 'no container has this link',
      fix: async () => {
        const keeper = await context.keepers.master();
        await keeper.netlink(
          '',
          batchFor('router', (out) => removeLink(out, index)),
        );
      },
    });
  }
  return found;
}

async function leakedElements(context: EngineContext): Promise<readonly FoundLeak[]> {
  const { hostSide } = context.router;
  const live = await liveElements(context);
  const inRouter = await context.router.elements();
  const inHost = (await hostSide?.elements()) ?? null;
  const table = hostSide?.table ?? '';
  const remover =
    (at: TablePlace, name: string) =>
    (element: SetElement): (() => Promise<void>) =>
    async () => {
      const keeper = await context.keepers.master();
      await keeper.netlink('', deletion({ family: 'inet', table: name, remove: [element] }, at));
    };
  return [
    ...unexplained(Object.values(hostSets), { found: inHost, live: live.host }).map((element) => ({
      kind: 'firewall' as const,
      object: `${textOf(element)} of table inet ${table}`,
      why: 'no running container has this port',
      fix: remover('host', table)(element),
    })),
    ...unexplained(lastingSets, {
      found: inRouter,
      live: live.router,
    }).map((element) => ({
      kind: 'firewall' as const,
      object: `${textOf(element)} of table inet ${routerTable} in ${routerPath}`,
      why: 'no running container explains it',
      fix: remover({ router: routerPath }, routerTable)(element),
    })),
  ];
}

/** Sets of the router whose elements do not end by themselves. */
const lastingSets = Object.values(routerSets).filter(({ timeout }) => timeout !== true);

function textOf({ set, key, keyEnd }: SetElement): string {
  const parts = key.map((field, index) => {
    const last = keyEnd?.[index] ?? field;
    return last === field ? String(field) : `${field}-${last}`;
  });
  return `${set.name} { ${parts.join(' . ')} }`;
}

interface Compared {
  readonly found: ListedKeys | null;
  readonly live: readonly SetElement[];
}

/** Elements by their keys alone. */
function unexplained(
  sets: readonly SetDefinition[],
  { found, live }: Compared,
): readonly SetElement[] {
  const explained = new Set(live.map(textOf));
  return sets.flatMap((set) =>
    (found?.get(set.name) ?? [])
      .map((listed) => withoutData({ set, ...listed }))
      .filter((element) => !explained.has(textOf(element))),
  );
}

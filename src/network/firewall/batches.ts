import type { NetlinkBatch } from '../../host/netlink.js';
import { elementMessages, type ElementChanges } from '../nft/elements.js';

/** Which network namespace a table is in: the router, pinned at a path below the run dir, or the host. */
export type TablePlace = { readonly router: string } | 'host';

function batch(changes: ElementChanges, place: TablePlace, tolerant: boolean): NetlinkBatch[] {
  const { add = [], renew = [], remove = [], then = [] } = changes;
  if (add.length + renew.length + remove.length + then.length === 0) return [];
  return [
    {
      protocol: 'netfilter',
      place: place === 'host' ? 'host' : 'run-dir',
      path: place === 'host' ? '' : place.router,
      namespaceAt: [],
      messages: elementMessages(changes),
      tolerant,
    },
  ];
}

/** One transaction that adds elements; those that are there with the same value stay. */
export function addition(
  changes: Omit<ElementChanges, 'remove'>,
  place: TablePlace,
): readonly NetlinkBatch[] {
  return batch(changes, place, false);
}

/**
 * One transaction that takes elements away, whether they are there or not, and nothing happens when the table or the namespace is
 * gone. A map's element that has got another value meanwhile is somebody else's by then: it stays, and so does the rest of the
 * transaction.
 */
export function removal(
  { remove = [], ...table }: Omit<ElementChanges, 'add'>,
  place: TablePlace,
): readonly NetlinkBatch[] {
  return batch({ ...table, add: remove, remove }, place, true);
}

/** One transaction that puts elements in the place of others, which may be gone already. */
export function replacement(
  { remove = [], then = [], ...table }: Omit<ElementChanges, 'add' | 'renew'>,
  place: TablePlace,
): readonly NetlinkBatch[] {
  return batch({ ...table, add: remove, remove, then }, place, false);
}

/** One transaction that takes elements away by their keys alone; one that is not there is the end of it. */
export function deletion(
  { remove = [], ...table }: Omit<ElementChanges, 'add'>,
  place: TablePlace,
): readonly NetlinkBatch[] {
  return batch({ ...table, remove }, place, true);
}

import type { NetlinkBatch } from '../../host/netlink.js';
import { chunks } from '../../base/limit.js';
import { withoutData, type SetElement } from '../nft/set.js';
import { tableQuestion } from '../nft/tables.js';
import { addition, deletion, removal } from './batches.js';

/** Of a plan of 1,024 operations. */
const maximumBatches = 64;

/** Fails with ENOENT when somebody deleted the host's table. */
export function hostTableQuestion(table: string): readonly NetlinkBatch[] {
  const messages = tableQuestion('inet', table);
  const at = { place: 'host', path: '', namespaceAt: [] } as const;
  return [{ protocol: 'netfilter', ...at, messages, tolerant: false }];
}

export interface PublishOptions {
  /** A table that is not there, and an element that leads elsewhere, are no errors. @default false */
  readonly tolerant?: boolean;
}

/** Publishes ports; nothing changes for those that lead there already. */
export function publishBatches(
  table: string,
  elements: readonly SetElement[],
  { tolerant = false }: PublishOptions = {},
): readonly NetlinkBatch[] {
  return addition({ family: 'inet', table, add: elements }, 'host').map((batch) => ({
    ...batch,
    tolerant,
  }));
}

/** The opposite. A port that leads elsewhere by now stays, and only few others of many with it. */
export function unpublishBatches(
  table: string,
  elements: readonly SetElement[],
): readonly NetlinkBatch[] {
  const size = Math.ceil(elements.length / maximumBatches);
  return chunks(elements, Math.max(size, 1)).flatMap((remove) =>
    removal({ family: 'inet', table, remove }, 'host'),
  );
}

/** Takes the elements with these keys away, wherever they lead: what is left of a container that had the port before. */
export function clearBatches(
  table: string,
  elements: readonly SetElement[],
): readonly NetlinkBatch[] {
  return elements.flatMap((element) =>
    deletion({ family: 'inet', table, remove: [withoutData(element)] }, 'host'),
  );
}

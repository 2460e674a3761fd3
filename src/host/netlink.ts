/** Netlink messages for the keeper to send: data of a plan's NETLINK operation and of the NETLINK request. */
import { BinaryWriter } from '../base/binary.js';
import { operations, planMagic, planVersion } from './plan-operations.js';

export const netlinkProtocols = { route: 0, netfilter: 1 } as const;

/** `host`: the keeper's own network namespace. `run-dir`: the one pinned at a path in the run dir. `container`: its own. */
export const netlinkPlaces = { host: 0, 'run-dir': 1, container: 2 } as const;

/** A batch of messages that one socket sends. */
export interface NetlinkBatch {
  readonly protocol: keyof typeof netlinkProtocols;
  readonly place: keyof typeof netlinkPlaces;
  /** Below the run dir, for `run-dir`; else empty. */
  readonly path: string;
  /** Where in `messages` the descriptor of the container's network namespace is written (u32). */
  readonly namespaceAt: readonly number[];
  /**
   * Complete messages, each padded to 4 bytes. The keeper numbers them. Errors are always answered; one message asks
   * for an acknowledgement (NLM_F_ACK), the last one that does is waited for.
   */
  readonly messages: Uint8Array;
  /** Nothing happens when something is there already or is missing, the pinned namespace included. */
  readonly tolerant: boolean;
}

export const netlinkTolerant = 1;

/** Writes the payload of a NETLINK operation. */
export function writeNetlink(payload: BinaryWriter, batch: NetlinkBatch): void {
  payload
    .u8(netlinkProtocols[batch.protocol])
    .u8(netlinkPlaces[batch.place])
    .str(batch.path)
    .u32(batch.namespaceAt.length);
  for (const offset of batch.namespaceAt) payload.u32(offset);
  payload.bytes(batch.messages);
}

/** The payload of a NETLINK request: a plan of nothing but these batches. */
export function netlinkPlan(batches: readonly NetlinkBatch[]): Buffer {
  const out = new BinaryWriter(1024);
  const { type, phase } = operations.NETLINK;
  out.u32(planMagic).u16(planVersion).u16(batches.length);
  for (const batch of batches) {
    out
      .u16(type)
      .u8(phase)
      .u8(batch.tolerant ? netlinkTolerant : 0);
    const sizeAt = out.length;
    writeNetlink(out.u32(0), batch);
    out.patch32(sizeAt, out.length - sizeAt - 4);
  }
  return out.toBytes();
}

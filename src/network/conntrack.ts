/** Connections that the host's kernel tracks (linux/netfilter/nfnetlink_conntrack.h): which there are, and messages that end them. */
import { addressBytes, formatAddress, parseAddress } from '../base/ip.js';
import type { NetlinkBatch } from '../host/netlink.js';
import { MessageWriter, messageFlags } from './netlink/message-writer.js';

/** Datagrams from one place to a published port, and the container that they go to. */
export interface TrackedFlow {
  readonly source: string;
  readonly sourcePort: number;
  readonly target: string;
  readonly targetPort: number;
  /** Address of the container that answers, and its port. */
  readonly container: string;
  readonly containerPort: number;
}

const deleteConnection = (1 << 8) | 2;
const families = { 4: 2, 6: 10 } as const;
const udp = 17;
const attributes = { original: 1, addresses: 1, protocol: 2 } as const;
const addressAttributes = { 4: { source: 1, target: 2 }, 6: { source: 3, target: 4 } } as const;
const protocolAttributes = { number: 1, sourcePort: 2, targetPort: 3 } as const;

/** Datagram flows in the lines of /proc/net/nf_conntrack: first what came, then what an answer looks like. */
export function trackedFlows(lines: string): readonly TrackedFlow[] {
  return lines.split('\n').flatMap((line) => {
    if (!/^ipv[46] +\d+ udp /.test(line)) return [];
    const fields = [...line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)].map(([, , value]) => value);
    const [source = '', target = '', sourcePort, targetPort, container = '', , containerPort] =
      fields;
    return [
      {
        source,
        target,
        sourcePort: Number(sourcePort),
        targetPort: Number(targetPort),
        container: shortest(container),
        containerPort: Number(containerPort),
      },
    ];
  });
}

/** The kernel writes IPv6 addresses in full. */
function shortest(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}

/** Makes the kernel forget flows: their next datagrams are looked at anew. One that is over is no error. */
export function endFlows(flows: readonly TrackedFlow[]): readonly NetlinkBatch[] {
  if (flows.length === 0) return [];
  const out = new MessageWriter();
  for (const flow of flows) writeDeletion(out, flow);
  const at = { place: 'host', path: '', namespaceAt: [] } as const;
  return [{ protocol: 'netfilter', ...at, messages: out.finish().messages, tolerant: true }];
}

function writeDeletion(out: MessageWriter, flow: TrackedFlow): void {
  const source = parseAddress(flow.source);
  const target = parseAddress(flow.target);
  if (source === undefined || target === undefined) return;
  const { family } = source;
  const names = addressAttributes[family];
  out.begin(deleteConnection, messageFlags.ack).u8(families[family]).u8(0).be16(0);
  out.nest(attributes.original, () => {
    out.nest(attributes.addresses, () => {
      out.attributeBytes(names.source, addressBytes(source));
      out.attributeBytes(names.target, addressBytes(target));
    });
    out.nest(attributes.protocol, () => {
      out.attribute8(protocolAttributes.number, udp);
      out.attribute(protocolAttributes.sourcePort, () => out.be16(flow.sourcePort));
      out.attribute(protocolAttributes.targetPort, () => out.be16(flow.targetPort));
    });
  });
}
